/**
 * Domain names as DNS writes them: RFC 1035 section 3.1, with the compression of section 4.1.4.
 *
 * DHCPv4's search list (RFC 3397) is compressed within the option; DHCPv6 (RFC 8415 section 10) has
 * the same form without compression.
 */
import { concat } from "../addr/bytes.ts";
import { DhcpError } from "./errors.ts";

/** Longest name on the wire, with its length bytes: RFC 1035 section 2.3.4. */
const maximum = 255;

/**
 * Names end up in files of resolvers, one line for all, so only letters, digits, `-` and `_` pass
 * in a label; other alphabets come as `xn--` (RFC 5890).
 */
const label = /^[A-Za-z0-9_-]{1,63}$/;

/** True for `example.com`: labels of the usual letters, at most 253 characters, no dot at the end. */
export function isDomainName(text: string): boolean {
  return text.length <= maximum - 2 && text.split(".").every((part) => label.test(part));
}

/**
 * Reads names until the end of `bytes`. The root (an empty name) says nothing and is left out.
 * @param compressed whether names may end in a pointer to an earlier one
 * @throws {DhcpError} malformed option
 */
export function readNames(bytes: Uint8Array, compressed: boolean): string[] {
  const names: string[] = [];
  let at = 0;
  while (at < bytes.length) {
    const { name, next } = readName(bytes, at, compressed);
    if (name !== "") names.push(name);
    at = next;
  }
  return names;
}

/** One name, and where the next one starts. Pointers lead strictly backwards, so there is an end. */
function readName(bytes: Uint8Array, start: number, compressed: boolean) {
  const labels: string[] = [];
  let length = 1;
  let at = start;
  let next = -1;
  let limit = start;
  for (;;) {
    const size = bytes[at];
    if (size === undefined) throw malformed("it is cut off");
    if (size === 0) break;
    if (size >= 0xc0 && compressed) {
      const low = bytes[at + 1];
      if (low === undefined) throw malformed("a pointer is cut off");
      if (next < 0) next = at + 2;
      at = ((size & 0x3f) << 8) | low;
      if (at >= limit) throw malformed("a pointer does not lead backwards");
      limit = at;
      continue;
    }
    if (size > 63) throw malformed(`a label has type ${size >> 6}`);
    if (at + 1 + size > bytes.length) throw malformed("it is cut off");
    const text = String.fromCharCode(...bytes.subarray(at + 1, at + 1 + size));
    if (!label.test(text)) throw malformed("a label has letters that names do not have");
    length += 1 + size;
    if (length > maximum) throw malformed(`it is longer than ${maximum} bytes`);
    labels.push(text);
    at += 1 + size;
  }
  return { name: labels.join("."), next: next < 0 ? at + 1 : next };
}

/** Writes names one after the other. Throws a DhcpError if a text is no domain name. */
export function writeNames(names: readonly string[], compressed: boolean): Uint8Array {
  const parts: Uint8Array[] = [];
  const known = new Map<string, number>();
  let at = 0;
  for (const name of names) {
    if (!isDomainName(name)) throw malformed(`"${name}" is none`);
    const bytes = writeName(name, at, compressed ? known : undefined);
    parts.push(bytes);
    at += bytes.length;
  }
  return concat(...parts);
}

/** @param known where each suffix was written; gets those of this name */
function writeName(name: string, start: number, known?: Map<string, number>): Uint8Array {
  const bytes: number[] = [];
  for (let rest = name; rest !== ""; ) {
    const pointer = known?.get(rest);
    if (pointer !== undefined) return Uint8Array.of(...bytes, 0xc0 | (pointer >> 8), pointer);
    const at = start + bytes.length;
    if (at < 0x4000) known?.set(rest, at);
    const dot = rest.indexOf(".");
    const first = dot < 0 ? rest : rest.slice(0, dot);
    bytes.push(first.length);
    for (let i = 0; i < first.length; i++) bytes.push(first.charCodeAt(i));
    rest = dot < 0 ? "" : rest.slice(dot + 1);
  }
  return Uint8Array.of(...bytes, 0);
}

function malformed(why: string): DhcpError {
  return new DhcpError("malformed option", `Cannot use domain name: ${why}`);
}
