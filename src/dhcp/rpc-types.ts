/**
 * What plugin and daemon say to each other, as records of gob.
 *
 * The names and their order are those of the reference (cni/pkg/skel CmdArgs, types/100 Result), for
 * Go matches fields by name; it may send more or fewer of them.
 */
import { type Cidr, mask } from "../addr/cidr.ts";
import { type Ip, isMapped } from "../addr/ip.ts";
import { GobError, type GobRecord, type GobValue } from "./gob.ts";
import { bytesOf, listOf, numberOf, recordOf, stringOf } from "./gob-access.ts";
import type { ListType, RecordType } from "./gob-encoder.ts";
import { prefixLengthOf } from "./lease.ts";

/** What the plugin was called with. */
export interface CallArgs {
  containerId: string;
  netns: string;
  ifName: string;
  /** CNI_ARGS. */
  args: string;
  path: string;
  netnsOverride: string;
  /** The network config. */
  stdin: Uint8Array;
}

/** What a lease gives; the shape is that of a CNI result. */
export interface CallResult {
  ips: { address: Cidr; gateway?: Ip }[];
  routes: {
    dst: Cidr;
    gw?: Ip;
    mtu?: number;
    advmss?: number;
    priority?: number;
    table?: number;
    scope?: number;
  }[];
  dns: { nameservers?: string[]; domain?: string; search?: string[]; options?: string[] };
}

export const requestType: RecordType = {
  name: "Request",
  fields: { ServiceMethod: "string", Seq: "uint" },
};

export const responseType: RecordType = {
  name: "Response",
  fields: { ServiceMethod: "string", Seq: "uint", Error: "string" },
};

/** The body where there is nothing to say. */
export const emptyType: RecordType = { name: "", fields: {} };

/** The body of a failure of which more is known. */
export const failureType: RecordType = { name: "Failure", fields: { Detail: "string" } };

export const argsType: RecordType = {
  name: "CmdArgs",
  fields: {
    ContainerID: "string",
    Netns: "string",
    IfName: "string",
    Args: "string",
    Path: "string",
    NetnsOverride: "string",
    StdinData: "bytes",
  },
};

const ipNet: RecordType = { name: "IPNet", fields: { IP: "bytes", Mask: "bytes" } };

const strings: ListType = { name: "[]string", elements: "string" };

/** Interfaces are left out: a lease has none. What Go has behind a pointer has no name. */
export const resultType: RecordType = {
  name: "Result",
  fields: {
    CNIVersion: "string",
    IPs: {
      name: "[]*types100.IPConfig",
      elements: { name: "", fields: { Address: ipNet, Gateway: "bytes" } },
    },
    Routes: {
      name: "[]*types.Route",
      elements: {
        name: "",
        fields: {
          Dst: ipNet,
          GW: "bytes",
          MTU: "int",
          AdvMSS: "int",
          Priority: "int",
          Table: "int",
          Scope: "int",
        },
      },
    },
    DNS: {
      name: "DNS",
      fields: { Nameservers: strings, Domain: "string", Search: strings, Options: strings },
    },
  },
};

export function writeArgs(args: CallArgs): GobRecord {
  return {
    ContainerID: args.containerId,
    Netns: args.netns,
    IfName: args.ifName,
    Args: args.args,
    Path: args.path,
    NetnsOverride: args.netnsOverride,
    StdinData: args.stdin,
  };
}

export function readArgs(record: GobRecord): CallArgs {
  return {
    containerId: stringOf(record.ContainerID),
    netns: stringOf(record.Netns),
    ifName: stringOf(record.IfName),
    args: stringOf(record.Args),
    path: stringOf(record.Path),
    netnsOverride: stringOf(record.NetnsOverride),
    stdin: bytesOf(record.StdinData),
  };
}

export function writeResult({ ips, routes, dns }: CallResult): GobRecord {
  return {
    IPs: ips.map(({ address, gateway }) => ({
      Address: writeCidr(address),
      ...(gateway ? { Gateway: gateway } : {}),
    })),
    Routes: routes.map(({ dst, gw, mtu, advmss, priority, table, scope }) => ({
      Dst: writeCidr(dst),
      ...(gw ? { GW: gw } : {}),
      MTU: mtu ?? 0,
      AdvMSS: advmss ?? 0,
      Priority: priority ?? 0,
      Table: table ?? 0,
      Scope: scope ?? 0,
    })),
    DNS: {
      Nameservers: dns.nameservers ?? [],
      Domain: dns.domain ?? "",
      Search: dns.search ?? [],
      Options: dns.options ?? [],
    },
  };
}

/** What is zero counts as absent, for gob does not tell the two apart. */
export function readResult(record: GobRecord): CallResult {
  const dns = recordOf(record.DNS);
  return {
    ips: listOf(record.IPs).map((element) => {
      const { Address, Gateway } = recordOf(element);
      return { address: readCidr(Address), ...readIp("gateway", Gateway) };
    }),
    routes: listOf(record.Routes).map((element) => {
      const { Dst, GW, MTU, AdvMSS, Priority, Table, Scope } = recordOf(element);
      return {
        dst: readCidr(Dst),
        ...readIp("gw", GW),
        ...readNumber("mtu", MTU),
        ...readNumber("advmss", AdvMSS),
        ...readNumber("priority", Priority),
        ...readNumber("table", Table),
        ...readNumber("scope", Scope),
      };
    }),
    dns: {
      ...readTexts("nameservers", dns.Nameservers),
      ...(dns.Domain === undefined ? {} : { domain: stringOf(dns.Domain) }),
      ...readTexts("search", dns.Search),
      ...readTexts("options", dns.Options),
    },
  };
}

function writeCidr(cidr: Cidr): GobRecord {
  return { IP: cidr.ip, Mask: mask(cidr) };
}

/** Go may hold an IPv4 address in 16 bytes, with the mask of either length. */
function readCidr(value: GobValue | undefined): Cidr {
  const { IP, Mask } = recordOf(value);
  const ip = canonical(bytesOf(IP));
  const bits = bytesOf(Mask);
  const prefixLength = maskLength(ip.length === 4 && bits.length === 16 ? bits.slice(12) : bits);
  if (ip.length === 0 || bits.length < ip.length || prefixLength < 0) {
    throw new GobError("Cannot read gob: an address has no mask");
  }
  return { ip, prefixLength };
}

function canonical(ip: Ip): Ip {
  if (ip.length !== 0 && ip.length !== 4 && ip.length !== 16) {
    throw new GobError(`Cannot read gob: an address has ${ip.length} bytes`);
  }
  return isMapped(ip) ? ip.slice(12) : ip;
}

/** The length of a prefix of either family from its mask; -1 if it is no mask. */
function maskLength(bits: Uint8Array): number {
  let length = 0;
  for (let at = 0; at < bits.length; at += 4) {
    const part = prefixLengthOf(bits.subarray(at, at + 4));
    if (part < 0 || (part > 0 && length < at * 8)) return -1;
    length += part;
  }
  return length;
}

function readIp<K extends string>(key: K, value: GobValue | undefined): { [P in K]?: Ip } {
  const ip = canonical(bytesOf(value));
  return ip.length === 0 ? {} : ({ [key]: ip } as { [P in K]?: Ip });
}

function readNumber<K extends string>(key: K, value: GobValue | undefined): { [P in K]?: number } {
  return value === undefined ? {} : ({ [key]: numberOf(value) } as { [P in K]?: number });
}

function readTexts<K extends string>(key: K, value: GobValue | undefined) {
  if (value === undefined) return {};
  return { [key]: listOf(value).map(stringOf) } as { [P in K]?: string[] };
}
