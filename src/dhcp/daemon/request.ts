/** What a call asks for: the keys of `ipam` in the network config, as the daemon reads them. */
import { type Fields, record } from "../../json/decode.ts";
import { parse } from "../../json/parse.ts";
import { sys } from "../../sys/sys.ts";
import type { Attachment } from "../client-id.ts";
import { option4 } from "../options.ts";
import type { CallArgs } from "../rpc.ts";
import { type Provide, type Request, type Selection, selectOptions } from "../selection.ts";

/** What the result is made of, beside the lease. */
export interface Choices {
  /** Metric of all routes; 0 is none. */
  readonly priority: number;
  readonly microsoftRoutes: boolean;
  readonly useDns: boolean;
  readonly ipv4: boolean;
  readonly ipv6: boolean;
}

export interface LeaseRequest {
  readonly attachment: Attachment;
  readonly selection: Selection;
  readonly choices: Choices;
}

/**
 * Reads a call of the plugin, ours or the reference's.
 * @throws {Error} what is wrong with it
 */
export function readRequest(args: CallArgs): LeaseRequest {
  const config = record(parse(sys.decodeUtf8(args.stdin)), "types.NetConf");
  const given = config.raw("ipam");
  if (given === undefined || given === null) throw new Error("IPAM config missing 'ipam' key");
  const ipam = record(given, "main.IPAMConfig");
  const choices = readChoices(ipam);
  const provide = ipam.list("provide", "[]main.ProvideOption", (item, place) => {
    const fields = record(item, "main.ProvideOption", place);
    const entry: Provide = {
      option: fields.string("option"),
      value: fields.string("value"),
      fromArg: fields.string("fromArg"),
    };
    return entry;
  });
  const request = ipam.list("request", "[]main.RequestOption", (item, place) => {
    const fields = record(item, "main.RequestOption", place);
    const entry: Request = {
      option: fields.string("option"),
      skipDefault: fields.bool("skipDefault"),
    };
    return entry;
  });
  return {
    attachment: attachmentOf(args, config.string("name")),
    selection: selectOptions(provide ?? [], request ?? [], args.args, codesOf(choices)),
    choices,
  };
}

/** The attachment alone: for DEL and CHECK, which a mistake in the other keys must not stop. */
export function readAttachment(args: CallArgs): Attachment {
  const config = record(parse(sys.decodeUtf8(args.stdin)), "types.NetConf");
  return attachmentOf(args, config.string("name"));
}

function attachmentOf({ containerId, ifName }: CallArgs, network: string): Attachment {
  return { containerId, network, ifName };
}

function readChoices(ipam: Fields): Choices {
  const ipv4 = ipam.raw("ipv4") ?? true;
  return {
    priority: ipam.int("priority") ?? 0,
    microsoftRoutes: ipam.bool("microsoftRoutes"),
    useDns: ipam.bool("useDns"),
    ipv4: ipv4 === true || ipam.bool("ipv4"),
    ipv6: ipam.bool("ipv6"),
  };
}

/** What the chosen keys need of the server. */
function codesOf({ useDns, microsoftRoutes }: Choices): number[] {
  const { nameServers, domainName, domainSearch, classlessRoutes, microsoftRoutes: old } = option4;
  // RFC 3442: whoever asks for routes asks for them first.
  const routes = microsoftRoutes ? [classlessRoutes, old] : [];
  const dns = useDns ? [nameServers, domainName, domainSearch] : [];
  return [...routes, ...dns].map(({ code }) => code);
}
