/**
 * Combinators for netlink messages: each fact of the wire is stated once, in a table, and serves
 * encoding, decoding and the TypeScript type.
 *
 *     const ipvlan = attributes({ mode: attr(1, "IFLA_IPVLAN_MODE", oneOf(u16, { l2: 0, l3: 1 })) });
 *     type Ipvlan = Infer<typeof ipvlan>; // { mode?: "l2" | "l3" }
 *
 * Attributes are written in the order of the object's keys, and read into that order; one that a table does
 * not know becomes `"#<number>"` with its bytes, so nothing is lost when a message is passed on.
 *
 * Wire format: include/uapi/linux/netlink.h (struct nlattr).
 */
import { type AnyCodec, bytes, type Codec, type Fixed, type Infer, type Input } from "./codec.ts";
import { Reader, WireError, type Writer } from "./wire.ts";

const NLA_F_NESTED = 1 << 15;
const NLA_TYPE_MASK = 0x3fff;

// ── attributes ────────────────────────────────────────────────────────────────────────────────

/** A row of an attribute table: number, kernel name, codec. */
export interface Attribute<In, Out = In> {
  type: number;
  kernelName: string;
  codec: Codec<In, Out>;
  /** Whether it may stand several times: its value is then an array. */
  repeated: boolean;
}

// biome-ignore lint/suspicious/noExplicitAny: see AnyCodec
type AnyAttribute = Attribute<any, any>;
type Table = Record<string, AnyAttribute>;

/** Attributes that no table knows, by number. */
export interface Unknown {
  [number: `#${number}`]: Uint8Array;
}
type TableOut<T extends Table> = {
  -readonly [K in keyof T]?: T[K] extends Attribute<never, infer V> ? V : never;
};
type TableIn<T extends Table> = {
  -readonly [K in keyof T]?: (T[K] extends Attribute<infer V, unknown> ? V : never) | undefined;
};

export function attr<In, Out>(
  type: number,
  kernelName: string,
  codec: Codec<In, Out>,
): Attribute<In, Out> {
  return { type, kernelName, codec, repeated: false };
}

/** An attribute that stands once for each element of an array. */
export function attrs<In, Out>(
  type: number,
  kernelName: string,
  codec: Codec<In, Out>,
): Attribute<readonly In[], Out[]> {
  return { type, kernelName, codec: codec as AnyCodec, repeated: true };
}

/** Marks a nest whose attribute carries NLA_F_NESTED. */
export function nested<In, Out>(codec: Codec<In, Out>): Codec<In, Out> {
  return { ...codec, flags: NLA_F_NESTED };
}

/** A nest, or the tail of a message: each key of the table at most once. */
export function attributes<const T extends Table>(
  table: T,
): Codec<TableIn<T> & Unknown, TableOut<T> & Unknown> {
  const keyByType = keysByType(table);
  return {
    write(out, value) {
      const given = value as Record<string, unknown>;
      for (const key in given) {
        const field = given[key];
        if (field !== undefined) writeAttribute(out, key, table[key], field);
      }
    },
    read(from) {
      const value: Record<string, unknown> = {};
      eachAttribute(from, (type, payload) => {
        const key = keyByType.get(type);
        readAttribute(value, key, key === undefined ? undefined : table[key], type, payload);
      });
      return value as TableOut<T> & Unknown;
    },
  };
}

/** The attributes of one list, each an element of the same kind: `NFTA_LIST_ELEM` and the like. */
export function list<In, Out>(
  type: number,
  kernelName: string,
  element: Codec<In, Out>,
): Codec<readonly In[], Out[]> {
  const row = attr(type, kernelName, element);
  return {
    write(out, values) {
      for (const value of values) writeOne(out, row, value);
    },
    read(from) {
      const values: Out[] = [];
      eachAttribute(from, (_type, payload) => {
        values.push(inside(kernelName, () => element.read(payload)));
      });
      return values;
    },
  };
}

type Kinds = Record<string, AnyCodec>;
type TaggedIn<K extends Kinds> = {
  [N in keyof K]: { kind: N; data?: Input<K[N]> | undefined };
}[keyof K];
type TaggedOut<K extends Kinds> =
  | { [N in keyof K]: { kind: N; data?: Infer<K[N]> } }[keyof K]
  | { kind: OtherKind; data?: Uint8Array };
/** A kind that no table knows: its data stays bytes. */
export type OtherKind = string & { readonly other: unique symbol };

/** A nest in which the value of one attribute (`kind`) says how another (`data`) is read. */
export function tagged<const K extends Kinds, const T extends Table = Record<never, never>>(
  kind: Attribute<string>,
  data: Attribute<Uint8Array>,
  kinds: K,
  others?: T,
): Codec<TaggedIn<K> & TableIn<T> & Unknown, TaggedOut<K> & TableOut<T> & Unknown> {
  const table: Table = { ...others, kind, data };
  const keyByType = keysByType(table);
  const dataRow = (name: unknown): AnyAttribute => {
    const codec = kinds[name as string];
    return codec
      ? { ...data, codec: { ...codec, flags: data.codec.flags ?? codec.flags ?? 0 } }
      : data;
  };
  return {
    write(out, value) {
      const given = value as Record<string, unknown>;
      for (const key in given) {
        const field = given[key];
        if (field === undefined) continue;
        writeAttribute(out, key, key === "data" ? dataRow(given.kind) : table[key], field);
      }
    },
    read(from) {
      const value: Record<string, unknown> = {};
      eachAttribute(from, (type, payload) => {
        const key = keyByType.get(type);
        const row =
          key === undefined ? undefined : key === "data" ? dataRow(value.kind) : table[key];
        readAttribute(value, key, row, type, payload);
      });
      return value as TaggedOut<K> & TableOut<T> & Unknown;
    },
  };
}

/** The data of a tagged value if it is of this kind: `dataOf(link.info, "vlan")?.id`. */
export function dataOf<T extends { kind: string; data?: unknown }, N extends T["kind"]>(
  value: T | undefined,
  kind: N,
): Extract<T, { kind: N }>["data"] | undefined {
  return value?.kind === kind ? value.data : undefined;
}

/** A message's payload: a fixed header, then attributes, as one flat object. */
export function message<HIn, HOut, AIn, AOut>(
  header: Fixed<HIn, HOut>,
  tail: Codec<AIn, AOut>,
): Codec<HIn & AIn, HOut & AOut> & { header: Fixed<HIn, HOut> } {
  const headerKeys = Object.keys(header.read(new Reader(new Uint8Array(header.size))) as object);
  return {
    header,
    write(out, value) {
      header.write(out, value);
      out.align();
      const rest = { ...value } as Record<string, unknown>;
      for (const key of headerKeys) delete rest[key];
      tail.write(out, rest as AIn);
    },
    read(from) {
      const head = header.read(from.window(header.size));
      from.align();
      return Object.assign(head as object, tail.read(from)) as HOut & AOut;
    },
  };
}

// ── how an attribute lies on the wire ─────────────────────────────────────────────────────────

function keysByType(table: Table): Map<number, string> {
  return new Map(Object.entries(table).map(([key, row]) => [row.type, key]));
}

function writeAttribute(out: Writer, key: string, row: AnyAttribute | undefined, value: unknown) {
  if (row === undefined) {
    if (key[0] !== "#") throw new WireError(`no such attribute: ${key}`);
    writeOne(
      out,
      { type: Number(key.slice(1)), kernelName: key, codec: bytes, repeated: false },
      value,
    );
  } else if (row.repeated) {
    for (const element of value as unknown[]) writeOne(out, row, element);
  } else {
    writeOne(out, row, value);
  }
}

function writeOne(out: Writer, row: AnyAttribute, value: unknown) {
  const start = out.reserve(4);
  inside(row.kernelName, () => row.codec.write(out, value));
  const length = out.length - start;
  if (length > 0xffff) throw new WireError(`${row.kernelName}: too long: ${length} bytes`);
  out.u16(length, start);
  out.u16(row.type | (row.codec.flags ?? 0), start + 2);
  out.align();
}

function readAttribute(
  value: Record<string, unknown>,
  key: string | undefined,
  row: AnyAttribute | undefined,
  type: number,
  payload: Reader,
) {
  if (key === undefined || row === undefined) {
    value[`#${type}`] = payload.bytes();
    return;
  }
  const field = inside(row.kernelName, () => row.codec.read(payload));
  if (!row.repeated) value[key] = field;
  else if (value[key] === undefined) value[key] = [field];
  else (value[key] as unknown[]).push(field);
}

function eachAttribute(from: Reader, visit: (type: number, payload: Reader) => void) {
  while (from.left >= 4) {
    const length = from.u16();
    const type = from.u16() & NLA_TYPE_MASK;
    if (length < 4 || length - 4 > from.left) {
      throw new WireError(
        `attribute ${type}: length ${length} does not fit in ${from.left + 4} bytes`,
      );
    }
    visit(type, from.window(length - 4));
    from.align();
  }
}

/** Names the attribute in whatever goes wrong inside it. */
function inside<T>(kernelName: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (error instanceof WireError) throw new WireError(`${kernelName}: ${error.message}`);
    throw error;
  }
}
