/** Packets as JSON, for golden files: written once by people's eyes, and compared from then on. */
import { readFileSync } from "node:fs";
import { toHex } from "../../src/addr/bytes.ts";
import { formatCidr } from "../../src/addr/cidr.ts";
import { formatIp } from "../../src/addr/ip.ts";
import { formatMac } from "../../src/addr/mac.ts";
import { type Message, typeOf } from "../../src/dhcp/message.ts";
import { type Options, option4 } from "../../src/dhcp/options.ts";
import type { Message6 } from "../../src/dhcp/v6/message.ts";
import { type Options6, option6 } from "../../src/dhcp/v6/options.ts";

export const bytesOf = (hex: string) => Uint8Array.from(Buffer.from(hex.replace(/\s/g, ""), "hex"));

/** A block of a golden file: what it is, lines of `kind hex`, and what they mean. */
export interface Block {
  title: string;
  kind: string;
  bytes: Uint8Array;
  value: unknown;
}

export function readGolden(name: string): Block[] {
  const text = readFileSync(`test/golden/dhcp/${name}.txt`, "utf8");
  return text
    .trim()
    .split("\n\n")
    .map((block) => {
      const lines = block.split("\n");
      const title = lines.filter((line) => line.startsWith("#")).map((line) => line.slice(2));
      const [message = "", json = "null"] = lines.filter((line) => !line.startsWith("#"));
      const [kind = "", hex = ""] = message.split(" ");
      return { title: title.join(" "), kind, bytes: bytesOf(hex), value: JSON.parse(json) };
    });
}

export function showMessage(message: Message) {
  const { ciaddr, yiaddr, siaddr, giaddr, chaddr, options, ...rest } = message;
  return {
    type: typeOf(message),
    ...rest,
    ciaddr: formatIp(ciaddr),
    yiaddr: formatIp(yiaddr),
    siaddr: formatIp(siaddr),
    giaddr: formatIp(giaddr),
    chaddr: formatMac(chaddr),
    options: showOptions(options),
  };
}

/** By name, or by number where there is none; addresses as text, bytes as hex. */
export function showOptions(options: Options) {
  const shown: Record<string, unknown> = {};
  for (const [code, bytes] of options) {
    const option = Object.values(option4).find((one) => one.code === code);
    shown[option?.name ?? code] = option ? showValue(option.value.read(bytes)) : toHex(bytes);
  }
  return shown;
}

function showValue(value: unknown): unknown {
  if (value instanceof Uint8Array) return value.length === 4 ? formatIp(value) : toHex(value);
  if (Array.isArray(value)) return value.map(showValue);
  if (typeof value !== "object" || value === null) return value;
  const { dst, router } = value as {
    dst: { ip: Uint8Array; prefixLength: number };
    router: Uint8Array;
  };
  return `${formatCidr(dst)} via ${formatIp(router)}`;
}

export function showMessage6({ type, xid, options }: Message6) {
  return { type, xid, options: showOptions6(options) };
}

/** Pairs of name and value, in order: options may stand more than once. */
function showOptions6(options: Options6): [name: string | number, value: unknown][] {
  return options.map(({ code, bytes }) => {
    const option = Object.values(option6).find((one) => one.code === code);
    return option ? [option.name, showValue6(option.value.read(bytes))] : [code, toHex(bytes)];
  });
}

function showValue6(value: unknown): unknown {
  if (value instanceof Uint8Array) return value.length === 16 ? formatIp(value) : toHex(value);
  if (Array.isArray(value)) return value.map(showValue6);
  if (typeof value !== "object" || value === null) return value;
  const shown = Object.entries(value).map(([key, member]) => [
    key,
    key === "options" ? showOptions6(member) : showValue6(member),
  ]);
  return Object.fromEntries(shown);
}
