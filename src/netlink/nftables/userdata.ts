/**
 * What `nft` keeps beside an object: a list of type, length, value, a byte each but for the value. The
 * kernel stores it and never looks. Layout: libnftnl, include/libnftnl/udata.h.
 */
import { type Codec, cstring, u32 } from "../codec.ts";
import { type Reader, WireError, Writer } from "../wire.ts";

interface Field<V> {
  type: number;
  codec: Codec<V>;
}
// biome-ignore lint/suspicious/noExplicitAny: a codec is invariant in its value; `any` stands for each
type Fields = Record<string, Field<any>>;

type Value<T extends Fields> = {
  -readonly [K in keyof T]?: (T[K] extends Field<infer V> ? V : never) | undefined;
} & {
  /** Fields that the table does not know. */
  [number: `#${number}`]: Uint8Array;
  /** What is no such list: other programs keep here what they like. */
  rest?: Uint8Array;
};

function userdata<const T extends Fields>(table: T): Codec<Value<T>> {
  const nameByType = new Map(Object.entries(table).map(([name, field]) => [field.type, name]));
  return {
    write(out, value) {
      for (const [name, field] of Object.entries(value as Record<string, unknown>)) {
        if (name === "rest") out.bytes(field as Uint8Array);
        else if (field !== undefined) writeField(out, name, table[name], field);
      }
    },
    read(from) {
      const value: Record<string, unknown> = {};
      for (let field = readField(from); field; field = readField(from)) {
        const name = nameByType.get(field.type);
        const known = name === undefined ? undefined : table[name];
        value[name ?? `#${field.type}`] = known
          ? known.codec.read(field.payload)
          : field.payload.bytes();
      }
      if (from.left > 0) value.rest = from.bytes();
      return value as Value<T>;
    },
  };
}

function writeField(out: Writer, name: string, field: Fields[string] | undefined, value: unknown) {
  const payload = new Writer(64);
  if (field) field.codec.write(payload, value);
  else payload.bytes(value as Uint8Array);
  if (payload.length > 0xff) {
    throw new WireError(`userdata ${name}: expected at most 255 bytes, got ${payload.length}`);
  }
  out.u8(field ? field.type : Number(name.slice(1)));
  out.u8(payload.length);
  out.bytes(payload.finish());
}

function readField(from: Reader): { type: number; payload: Reader } | undefined {
  const start = from.at;
  if (from.left >= 2) {
    const type = from.u8();
    const length = from.u8();
    if (length <= from.left) return { type, payload: from.window(length) };
  }
  from.at = start;
  return undefined;
}

/** A number written by a program of this host; of any other length it is not ours to read. */
const number: Codec<number | Uint8Array> = {
  write: (out, value) => (typeof value === "number" ? u32.write(out, value) : out.bytes(value)),
  read: (from) => (from.left === u32.size ? u32.read(from) : from.bytes()),
};

/** The longest comment that `nft` accepts, in bytes: NFTNL_UDATA_COMMENT_MAXLEN. */
export const maxComment = 128;

/** Of tables, chains, rules, and elements of sets. */
export const commentData = userdata({ comment: { type: 0, codec: cstring } });

/** How `nft` prints a number in a key (enum byteorder): without, it takes the bytes for the host's. */
export const byteOrders = { host: 1, network: 2 } as const;

/** Of sets and maps. */
export const setData = userdata({
  keyByteOrder: { type: 0, codec: number },
  dataByteOrder: { type: 1, codec: number },
  mergeElements: { type: 2, codec: number },
  comment: { type: 7, codec: cstring },
});
