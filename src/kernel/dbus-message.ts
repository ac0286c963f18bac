/**
 * Messages of D-Bus, as far as method calls with strings need them. Pure.
 *
 * Source: the D-Bus specification, "Marshaling" and "Message Protocol".
 */
import { concat, utf8 } from "../addr/bytes.ts";

/** A call of a method that takes strings. */
export interface MethodCall {
  destination: string;
  path: string;
  interface: string;
  member: string;
  args: readonly string[];
}

/** What comes back: a method's return or an error, and what is nobody's answer. */
export interface Message {
  kind: "call" | "return" | "error" | "signal";
  /** The serial of the call that this answers. */
  answers: number | undefined;
  errorName: string | undefined;
  /** Of the body, e.g. `s` or `b`. */
  signature: string;
  body: Body;
}

const kinds = ["call", "return", "error", "signal"] as const;
const fields = {
  path: 1,
  interface: 2,
  member: 3,
  errorName: 4,
  replySerial: 5,
  destination: 6,
  signature: 8,
} as const;
/** Nobody is started for us: what does not run has nothing to say. */
const NO_AUTO_START = 2;
const protocolVersion = 1;

/** The longest that the specification allows: 128 MiB. */
const maxLength = 2 ** 27;

/** @param serial of this call in its connection, from 1 */
export function encodeCall(call: MethodCall, serial: number): Uint8Array {
  const body = new Out();
  for (const arg of call.args) body.string(arg);
  const header = new Out();
  header.bytes(Uint8Array.of(0x6c, kinds.indexOf("call") + 1, NO_AUTO_START, protocolVersion));
  header.u32(body.length);
  header.u32(serial);
  const array = new Out();
  array.field(fields.path, "o", call.path);
  array.field(fields.interface, "s", call.interface);
  array.field(fields.member, "s", call.member);
  array.field(fields.destination, "s", call.destination);
  if (call.args.length > 0) array.signatureField("s".repeat(call.args.length));
  // The array starts at 16, so what is aligned in it is aligned in the message.
  header.u32(array.length);
  header.bytes(array.finish());
  header.align(8);
  return concat(header.finish(), body.finish());
}

class Out {
  #bytes: number[] = [];

  get length(): number {
    return this.#bytes.length;
  }

  align(to: number): void {
    while (this.#bytes.length % to !== 0) this.#bytes.push(0);
  }

  bytes(data: Uint8Array): void {
    for (const byte of data) this.#bytes.push(byte);
  }

  u32(value: number): void {
    this.align(4);
    for (let shift = 0; shift < 32; shift += 8) this.#bytes.push((value >>> shift) & 0xff);
  }

  string(text: string): void {
    const data = utf8(text);
    this.u32(data.length);
    this.bytes(data);
    this.#bytes.push(0);
  }

  signature(text: string): void {
    this.#bytes.push(text.length);
    this.bytes(utf8(text));
    this.#bytes.push(0);
  }

  field(code: number, type: string, text: string): void {
    this.align(8);
    this.#bytes.push(code);
    this.signature(type);
    this.string(text);
  }

  signatureField(text: string): void {
    this.align(8);
    this.#bytes.push(fields.signature);
    this.signature("g");
    this.signature(text);
  }

  finish(): Uint8Array {
    return Uint8Array.from(this.#bytes);
  }
}

/** Reads values one after another; each is aligned to its size. */
export class Body {
  readonly #view: DataView;
  readonly #little: boolean;
  #at: number;

  constructor(view: DataView, at: number, little: boolean) {
    this.#view = view;
    this.#at = at;
    this.#little = little;
  }

  get at(): number {
    return this.#at;
  }

  align(to: number): void {
    this.#at += -this.#at & (to - 1);
  }

  u8(): number {
    this.#at += 1;
    return this.#view.getUint8(this.#at - 1);
  }

  u32(): number {
    this.align(4);
    this.#at += 4;
    return this.#view.getUint32(this.#at - 4, this.#little);
  }

  boolean(): boolean {
    return this.u32() !== 0;
  }

  /** As Latin-1: what is compared is ASCII, and the rest is only shown. */
  string(): string {
    return this.#text(this.u32());
  }

  signature(): string {
    return this.#text(this.u8());
  }

  #text(length: number): string {
    let text = "";
    for (let i = 0; i < length; i++) text += String.fromCharCode(this.u8());
    this.u8(); // NUL
    return text;
  }
}

/**
 * The first message in `bytes`, and how long it is; undefined if it is not whole yet.
 * @throws Error if it is none, or has header fields of types that no header has
 */
export function decodeMessage(bytes: Uint8Array): { message: Message; length: number } | undefined {
  if (bytes.length < 16) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const order = view.getUint8(0);
  if (order !== 0x6c && order !== 0x42) throw new Error("Cannot read D-Bus: no message");
  const little = order === 0x6c;
  const bodyLength = view.getUint32(4, little);
  const fieldsEnd = 16 + view.getUint32(12, little);
  const bodyAt = (fieldsEnd + 7) & ~7;
  const length = bodyAt + bodyLength;
  if (length > maxLength) throw new Error("Cannot read D-Bus: too long a message");
  if (length > bytes.length) return undefined;

  const kind = kinds[view.getUint8(1) - 1] ?? "signal"; // unknown ones are to be ignored
  const body = new Body(view, bodyAt, little);
  const message: Message = { kind, answers: undefined, errorName: undefined, signature: "", body };
  const header = new Body(view, 16, little);
  while (header.at < fieldsEnd) {
    header.align(8);
    const code = header.u8();
    const value = readVariant(header);
    if (code === fields.replySerial) message.answers = value as number;
    if (code === fields.errorName) message.errorName = value as string;
    if (code === fields.signature) message.signature = value as string;
  }
  return { message, length };
}

function readVariant(from: Body): number | string {
  const type = from.signature();
  if (type === "s" || type === "o") return from.string();
  if (type === "g") return from.signature();
  if (type === "u") return from.u32();
  throw new Error(`Cannot read D-Bus: a header field of type ${type}`);
}
