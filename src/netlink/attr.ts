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
  /** The type as it stands in the attribute's header, with its flags. */
  headerType: number;
  kernelName: string;
  codec: Codec<In, Out>;
  /** Whether it may stand several times: its value is then an array. */
  repeated: boolean;
  /** How it is read if an attribute beside it (a key of the same table) has one of these values. */
  choices?: { by: string; rows: Record<string, AnyAttribute> };
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

/** An attribute: its number, its kernel's name, the codec of its value. */
export function attr<In, Out>(
  type: number,
  kernelName: string,
  codec: Codec<In, Out>,
): Attribute<In, Out> {
  return { type, headerType: type | (codec.flags ?? 0), kernelName, codec, repeated: false };
}

/** An attribute that stands once for each element of an array. */
export function attrs<In, Out>(
  type: number,
  kernelName: string,
  codec: Codec<In, Out>,
): Attribute<readonly In[], Out[]> {
  return { ...attr(type, kernelName, codec as AnyCodec), repeated: true };
}

/**
 * An attribute whose codec depends on the text in an attribute beside it, which must come first; for
 * a text that is not among `kinds` it is bytes.
 * @param by the key of that other attribute in the same table
 */
export function attrBy<const K extends Kinds>(
  type: number,
  kernelName: string,
  by: string,
  kinds: K,
): Attribute<Input<K[keyof K]> | Uint8Array, Infer<K[keyof K]> | Uint8Array> {
  const rows: Record<string, AnyAttribute> = {};
  for (const kind in kinds) rows[kind] = attr(type, kernelName, kinds[kind] as AnyCodec);
  return { ...attr(type, kernelName, bytes as AnyCodec), choices: { by, rows } };
}

/** Marks a nest whose attribute carries NLA_F_NESTED. */
export function nested<In, Out>(codec: Codec<In, Out>): Codec<In, Out> {
  return { ...codec, flags: NLA_F_NESTED };
}

/** What `attributes` makes; `message` lets it write around, and read into, the header's fields. */
export interface Nest<In, Out> extends Codec<In, Out> {
  write(out: Writer, value: In, except?: ReadonlySet<string>): void;
  readInto(from: Reader, value: object): Out;
}

/** A nest, or the tail of a message: each key of the table at most once. */
export function attributes<const T extends Table>(
  table: T,
): Nest<TableIn<T> & Unknown, TableOut<T> & Unknown> {
  return nest(table, true) as Nest<TableIn<T> & Unknown, TableOut<T> & Unknown>;
}

/** As `attributes`, but reading skips what the table does not know: for what is not passed on. */
export function excerpt<const T extends Table>(table: T): Nest<TableIn<T> & Unknown, TableOut<T>> {
  return nest(table, false) as Nest<TableIn<T> & Unknown, TableOut<T>>;
}

function nest(table: Table, keepUnknown: boolean): Nest<object, object> {
  const rows = rowsByType(table);
  return {
    nameOf: (type) => rows()[type]?.row.kernelName,
    write(out, value, except) {
      const given = value as Record<string, unknown>;
      const keys = Object.keys(given);
      for (let i = 0; i < keys.length; i++) {
        const key = keys[i] as string;
        const field = given[key];
        if (field === undefined) continue;
        const row = table[key];
        if (row === undefined) {
          if (!except?.has(key)) writeUnknown(out, key, field);
        } else if (row.repeated) {
          for (const element of field as unknown[]) writeOne(out, row, element);
        } else {
          writeOne(out, row.choices === undefined ? row : chosen(row, given), field);
        }
      }
    },
    read: (from) => readTable(from, rows(), keepUnknown, {}),
    readInto: (from, value) => readTable(from, rows(), keepUnknown, value as Fields),
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
      const { end } = from;
      let at = from.at;
      while (end - at >= 4) {
        const next = attributeEnd(from.pair(at), at, end);
        from.at = at + 4;
        from.end = next;
        values.push(readField(row, from) as Out);
        at = (next + 3) & ~3;
      }
      from.at = end;
      from.end = end;
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
  const flags = data.codec.flags;
  const withFlags: Record<string, AnyCodec> = {};
  for (const name in kinds) {
    const codec = kinds[name] as AnyCodec;
    withFlags[name] = flags === undefined ? codec : { ...codec, flags };
  }
  const { choices } = attrBy(data.type, data.kernelName, "kind", withFlags);
  const row = choices ? { ...data, choices } : data;
  return attributes({ ...others, kind, data: row }) as AnyCodec;
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
  tail: Nest<AIn, AOut>,
): Codec<HIn & AIn, HOut & AOut> & { header: Fixed<HIn, HOut> } {
  const headerKeys = new Set(
    Object.keys(header.read(new Reader(new Uint8Array(header.size))) as object),
  );
  return {
    header,
    ...(tail.nameOf && { nameOf: tail.nameOf }),
    write(out, value) {
      header.write(out, value);
      out.align();
      tail.write(out, value, headerKeys);
    },
    read(from) {
      // Reads what is there, and says what is missing.
      const head = from.left < header.size ? header.read(from) : header.take(from);
      from.align();
      return tail.readInto(from, head as object) as HOut & AOut;
    },
  };
}

// ── how an attribute lies on the wire ─────────────────────────────────────────────────────────

type Fields = Record<string, unknown>;
interface Place {
  key: string;
  row: AnyAttribute;
}

/** Tables are many and few are read from in one run, so each is indexed when it is first needed. */
function rowsByType(table: Table): () => (Place | undefined)[] {
  let rows: (Place | undefined)[] | undefined;
  return () => {
    if (!rows) {
      rows = [];
      for (const key in table) {
        const row = table[key] as AnyAttribute;
        rows[row.type] = { key, row };
      }
    }
    return rows;
  };
}

function chosen(row: AnyAttribute, siblings: Record<string, unknown>): AnyAttribute {
  return row.choices?.rows[siblings[row.choices.by] as string] ?? row;
}

function writeUnknown(out: Writer, key: string, value: unknown) {
  if (key[0] !== "#") throw new WireError(`no such attribute: ${key}`);
  writeOne(out, attr(Number(key.slice(1)), key, bytes as AnyCodec), value);
}

/** Called the most when writing, so it calls little. */
function writeOne(out: Writer, { headerType, kernelName, codec }: AnyAttribute, value: unknown) {
  const start = out.length;
  let length = 8;
  try {
    if (codec.word !== undefined) {
      out.wordAttribute(headerType, codec.word(value));
    } else {
      out.reserve(4);
      codec.write(out, value);
      length = out.closeAttribute(start, headerType);
      if (length > 0xffff) throw new WireError(`too long: ${length} bytes`);
    }
  } catch (error) {
    throw named(kernelName, error);
  }
  out.marks?.push({ start, end: start + length, kernelName, nameOf: codec.nameOf });
}

/** Reads each attribute through the same window, narrowed to it. Called the most, so it calls little. */
function readTable(
  from: Reader,
  rows: (Place | undefined)[],
  keepUnknown: boolean,
  value: Fields,
): Fields {
  const { end } = from;
  let at = from.at;
  while (end - at >= 4) {
    const head = from.pair(at);
    const next = attributeEnd(head, at, end);
    const place = rows[(head >>> 16) & NLA_TYPE_MASK];
    if (place !== undefined || keepUnknown) {
      from.at = at + 4;
      from.end = next;
      if (place !== undefined) readPlace(from, place, value);
      else value[`#${(head >>> 16) & NLA_TYPE_MASK}`] = from.bytes();
    }
    at = (next + 3) & ~3; // all are aligned, but the kernel leaves out the last padding
  }
  from.at = end;
  from.end = end;
  return value;
}

/** Where an attribute ends, without its padding. */
function attributeEnd(head: number, start: number, end: number): number {
  const length = head & 0xffff;
  if (length < 4 || start + length > end) {
    const type = (head >>> 16) & NLA_TYPE_MASK;
    throw new WireError(`attribute ${type}: length ${length} does not fit in ${end - start} bytes`);
  }
  return start + length;
}

function readPlace(from: Reader, { key, row: first }: Place, value: Fields): void {
  const row = first.choices ? chosen(first, value) : first;
  const field = readField(row, from);
  if (!row.repeated) value[key] = field;
  else if (value[key] === undefined) value[key] = [field];
  else (value[key] as unknown[]).push(field);
}

function readField(row: AnyAttribute, from: Reader): unknown {
  try {
    return row.codec.read(from);
  } catch (error) {
    throw named(row.kernelName, error);
  }
}

/** Names the attribute in what went wrong inside it. */
function named(kernelName: string, error: unknown): unknown {
  return error instanceof WireError ? new WireError(`${kernelName}: ${error.message}`) : error;
}
