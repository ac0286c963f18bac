/**
 * DHCPv4 options: which there are, and the field that holds them.
 *
 * RFC 2132 (the options), RFC 3396 (long ones), RFC 3397 (119), RFC 3442 (121), RFC 3046 (82).
 */
import { concat } from "../addr/bytes.ts";
import { DhcpError } from "./errors.ts";
import {
  bytes,
  classlessRoutes,
  i32,
  ip,
  ipPairs,
  ips,
  searchList,
  text,
  u8,
  u16,
  u32,
  type Value,
} from "./values.ts";

/** Values by code, as they are on the wire. Of no option more than one: the parts are joined. */
export type Options = ReadonlyMap<number, Uint8Array>;

export interface Option<T> {
  readonly code: number;
  /** As configs call it: the reference's six names, and ISC's for the others. */
  readonly name: string;
  readonly value: Value<T>;
}

function option<T>(code: number, name: string, value: Value<T>): Option<T> {
  return { code, name, value };
}

export const option4 = {
  subnetMask: option(1, "subnet-mask", ip),
  timeOffset: option(2, "time-offset", i32),
  routers: option(3, "routers", ips),
  nameServers: option(6, "domain-name-servers", ips),
  hostName: option(12, "host-name", text),
  domainName: option(15, "domain-name", text),
  mtu: option(26, "interface-mtu", u16),
  broadcastAddress: option(28, "broadcast-address", ip),
  staticRoutes: option(33, "static-routes", ipPairs),
  ntpServers: option(42, "ntp-servers", ips),
  vendorSpecific: option(43, "vendor-encapsulated-options", bytes),
  requestedAddress: option(50, "dhcp-requested-address", ip),
  leaseTime: option(51, "dhcp-lease-time", u32),
  overload: option(52, "dhcp-option-overload", u8),
  messageType: option(53, "dhcp-message-type", u8),
  serverId: option(54, "dhcp-server-identifier", ip),
  requestList: option(55, "dhcp-parameter-request-list", bytes),
  message: option(56, "dhcp-message", text),
  maxMessageSize: option(57, "dhcp-max-message-size", u16),
  renewalTime: option(58, "dhcp-renewal-time", u32),
  rebindingTime: option(59, "dhcp-rebinding-time", u32),
  vendorClass: option(60, "vendor-class-identifier", text),
  clientId: option(61, "dhcp-client-identifier", bytes),
  tftpServerName: option(66, "tftp-server-name", text),
  bootFileName: option(67, "bootfile-name", text),
  /** A bare string, as the reference sends it, and not the list of RFC 3004. */
  userClass: option(77, "user-class", text),
  /** What relays add for themselves; passed on as it is. */
  relayAgent: option(82, "relay-agent-information", bytes),
  domainSearch: option(119, "domain-search", searchList),
  classlessRoutes: option(121, "classless-static-routes", classlessRoutes),
  /** What Microsoft's servers sent before there was 121. */
  microsoftRoutes: option(249, "ms-classless-static-routes", classlessRoutes),
} as const;

const codes = new Map<string, number>();
for (const { name, code } of Object.values(option4)) codes.set(name, code);

/** The code of an option's name; undefined if there is no such name. */
export function codeOf(name: string): number | undefined {
  return codes.get(name);
}

/** `DISCOVER` and so on; the numbers are those of RFC 2132 section 9.6. */
export const messageTypes = {
  DISCOVER: 1,
  OFFER: 2,
  REQUEST: 3,
  DECLINE: 4,
  ACK: 5,
  NAK: 6,
  RELEASE: 7,
  INFORM: 8,
} as const;

export type MessageType = keyof typeof messageTypes;

/** The value of an option, undefined if it is absent. Throws a DhcpError if it is malformed. */
export function get<T>(options: Options, { code, name, value }: Option<T>): T | undefined {
  const found = options.get(code);
  if (found === undefined) return undefined;
  try {
    return value.read(found);
  } catch (error) {
    if (!(error instanceof DhcpError)) throw error;
    throw new DhcpError(error.reason, `${name}: ${error.message}`);
  }
}

/** The entry of an option for a map of options. */
export function entry<T>({ code, value }: Option<T>, given: T): [code: number, bytes: Uint8Array] {
  return [code, value.write(given)];
}

const pad = 0;
const end = 255;

/** Puts the parts of options together in the order in which they came: RFC 3396 section 5. */
export class OptionsReader {
  readonly #parts = new Map<number, Uint8Array[]>();

  /**
   * Reads a field of options up to its end option.
   * @throws {DhcpError} malformed message: an option is cut off, or there is no end
   */
  read(field: Uint8Array): void {
    for (let at = 0; at < field.length; ) {
      const code = field[at] as number;
      at++;
      if (code === end) return;
      if (code === pad) continue;
      const length = field[at];
      if (length === undefined || at + 1 + length > field.length) {
        throw new DhcpError("malformed message", `Cannot read options: option ${code} is cut off`);
      }
      const part = field.subarray(at + 1, at + 1 + length);
      const parts = this.#parts.get(code);
      if (parts) parts.push(part);
      else this.#parts.set(code, [part]);
      at += 1 + length;
    }
    throw new DhcpError("malformed message", "Cannot read options: they have no end");
  }

  /** What has been read so far of an option. */
  value(code: number): Uint8Array | undefined {
    const parts = this.#parts.get(code);
    return parts && concat(...parts);
  }

  options(): Options {
    const whole = new Map<number, Uint8Array>();
    for (const [code, parts] of this.#parts) whole.set(code, concat(...parts));
    return whole;
  }
}

/** Reads one field of options, as `writeOptions` made it. Throws a DhcpError. */
export function readOptions(field: Uint8Array): Options {
  const reader = new OptionsReader();
  reader.read(field);
  return reader.options();
}

/**
 * The field for these options: in ascending order of codes, those above 255 bytes in parts (RFC
 * 3396), and the end option. An empty value is an option of length 0.
 */
export function writeOptions(options: Options): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const code of [...options.keys()].sort((a, b) => a - b)) {
    const value = options.get(code) as Uint8Array;
    if (code === pad || code === end) continue; // these two cannot have a value
    for (let at = 0; at === 0 || at < value.length; at += 255) {
      const part = value.subarray(at, at + 255);
      parts.push(Uint8Array.of(code, part.length), part);
    }
  }
  return concat(...parts, Uint8Array.of(end));
}
