/**
 * tuning: sysctls of a container's network, and settings of its interface. It stands in a chain,
 * after what made the interface.
 *
 *     { "type": "tuning", "sysctl": { "net.core.somaxconn": "500" }, "mtu": 1454 }
 *
 * Reference: plugins/meta/tuning/tuning.go. Differs on purpose: a failed ADD sets everything back; the
 * interface is changed in one step; CHECK compares values, not texts, and only what is configured;
 * what is saved for DEL never outlives it; GC and STATUS do something.
 */
import { formatMac, parseMac } from "../addr/mac.ts";
import { type Asked, defineApplet, type GcCall } from "../cni/applet.ts";
import { readCniArgs } from "../cni/cni-args.ts";
import { type Config, configSchema, object } from "../cni/config.ts";
import { CniError } from "../cni/errors.ts";
import { repeatedKey } from "../cni/repeated.ts";
import type { Result } from "../cni/result.ts";
import { tryAll } from "../cni/undo.ts";
import { collect, type LinkSettings, restore, settingsOf, tune } from "../net/link-settings.ts";
import { attachmentOf } from "../net/ownership.ts";
import { requireAllowed } from "../net/sysctl-allowlist.ts";
import * as sysctls from "../net/sysctls.ts";
import * as verify from "../net/verify.ts";

const settings = {
  sysctl: {
    type: "object",
    additionalProperties: { type: "string" },
    description: "Sysctls below net, by name; IFNAME stands for the interface's name",
  },
  mac: { type: "string", description: "MAC address" },
  promisc: { type: "boolean", description: "Receive all frames, whoever they are for" },
  mtu: { type: "integer", description: "MTU; 0: leave it" },
  allmulti: { type: "boolean", description: "Whether to receive all multicast frames" },
  txQLen: { type: "integer", description: "Length of the transmit queue, in packets" },
} as const;

const schema = configSchema({
  ...settings,
  mac: {
    type: "string",
    description:
      "MAC address; CNI_ARGS, runtimeConfig.mac and args.cni.mac win over it, in this order",
  },
  dataDir: {
    type: "string",
    default: "/run/cni/tuning",
    emptyIsAbsent: true,
    description: "Directory of the host for the interface's former settings",
  },
  args: object({ cni: object(settings) }),
  runtimeConfig: object({ mac: { type: "string", description: "MAC address (capability mac)" } }),
});
type Conf = Config<typeof schema>;

export default defineApplet({
  name: "tuning",
  summary: "Sets sysctls and link settings of a container",
  schema,
  cniArgs: { MAC: "MAC address" },

  add(call) {
    const { attachment, container, undo, config } = call;
    const wanted = readConfig(call, attachment.ifName);
    requireAllowed(wanted.sysctls.map(({ key }) => key));
    const { prevResult } = call;
    if (!prevResult) throw invalid("Required prevResult missing");
    sysctls.applySettings(container, wanted.sysctls, undo);
    if (Object.keys(wanted.link).length === 0) return prevResult;
    const link = container.links.get(attachment.ifName);
    requireMacLength(wanted.link, link.mac);
    const directory = config.dataDir;
    tune(link, wanted.link, { container, attachment: attachmentOf(call), directory, undo });
    return withSettings(prevResult, attachment.ifName, wanted.link, call.cniVersion);
  },

  check(call) {
    const { attachment, container } = call;
    const wanted = readConfig(call, attachment.ifName);
    verify.requirePrevResult(call);
    sysctls.checkSettings(container, wanted.sysctls);
    const link = container.links.find(attachment.ifName);
    if (!link) throw verify.failed(`Cannot find container link ${attachment.ifName}`);
    // Who listens beside us makes it promiscuous as well.
    const found = { ...settingsOf(link), promisc: link.promiscuity > 0 };
    for (const key of Object.keys(wanted.link) as (keyof LinkSettings)[]) {
      verify.expectEqual(`${key} of ${link.name}`, wanted.link[key], found[key]);
    }
  },

  del(call) {
    const { attachment, container, config, warn } = call;
    for (const failure of restore(container, attachmentOf(call), config.dataDir)) {
      warn(`"${attachment.ifName}" stays as it is: ${failure}`);
    }
  },

  gc({ config, network, valid }: GcCall<Conf>) {
    tryAll(...collect(config.dataDir, network, valid));
  },

  inspect: (asked) => void readConfig(asked, "IFNAME"),

  status(call) {
    const wanted = readConfig(call, "IFNAME");
    requireAllowed(wanted.sysctls.map(({ key }) => key));
  },
});

interface Wanted {
  sysctls: sysctls.Setting[];
  link: LinkSettings;
}

/** All that the config asks for, from all places; what the schema cannot say is checked. */
function readConfig({ config, stdin, cniArgs }: Asked<Conf>, ifName: string): Wanted {
  const args = config.args?.cni ?? {};
  const repeated =
    (config.sysctl && repeatedKey(stdin, "sysctl")) ??
    (args.sysctl && repeatedKey(stdin, "args", "cni", "sysctl"));
  if (repeated !== undefined) throw sysctls.duplicated(repeated);

  const { MAC } = readCniArgs(cniArgs, { MAC: "string" });
  const mac = args.mac ?? (config.runtimeConfig?.mac || MAC || config.mac);
  const promisc = args.promisc ?? config.promisc;
  const mtu = args.mtu ?? config.mtu;
  const allmulti = args.allmulti ?? config.allmulti;
  const txQLen = args.txQLen ?? config.txQLen;
  for (const [key, number] of Object.entries({ mtu, txQLen })) {
    if (number !== undefined && (number < 0 || number > 0x7fffffff)) {
      throw invalid(`Cannot set ${key} to ${number}: out of range`);
    }
  }
  const link: LinkSettings = {
    ...(mac && { mac: readMac(mac) }),
    ...(promisc && { promisc }),
    ...(mtu && { mtu }),
    ...(allmulti !== undefined && { allmulti }),
    ...(txQLen !== undefined && { txQLen }),
  };
  return { sysctls: sysctls.readSettings(ifName, config.sysctl, args.sysctl), link };
}

function readMac(text: string): string {
  try {
    return formatMac(parseMac(text));
  } catch (error) {
    throw invalid(`invalid args ${text} for MAC addr: ${(error as Error).message}`);
  }
}

/** The kernel takes the beginning of one that is too long. */
function requireMacLength({ mac }: LinkSettings, present: string): void {
  if (mac === undefined || mac.length === present.length) return;
  throw invalid(`invalid args ${mac} for MAC addr: the interface has ${present || "none"}`);
}

function invalid(message: string): CniError {
  return new CniError("InvalidNetworkConfig", message);
}

/**
 * The result with what has changed of it. An interface of the host may be called the same: where the
 * result tells which are in a container, only they are meant.
 */
function withSettings(
  result: Result,
  ifName: string,
  { mac, mtu }: LinkSettings,
  cniVersion: string,
): Result {
  const isInside = result.interfaces.some(({ name, sandbox }) => name === ifName && sandbox);
  const change = {
    ...(mac !== undefined && { mac }),
    ...(mtu !== undefined && cniVersion === "1.1.0" && { mtu }),
  };
  return {
    ...result,
    interfaces: result.interfaces.map((entry) =>
      entry.name === ifName && (entry.sandbox || !isInside) ? { ...entry, ...change } : entry,
    ),
  };
}
