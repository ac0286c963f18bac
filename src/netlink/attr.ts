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
import { type Mark, Reader, WireError, type Writer } from "./wire.ts";

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
  way: number;
  /** What it is called in the tables that have it; empty before one of them is read from. */
  key: string;
  /** Whether it may stand several times: its value is then an array. */
  repeated?: true;
  /** How it is read if an attribute beside it (a key of the same table) has one of these values. */
  choices?: { by: string; rows: Record<string, AnyAttribute> };
}

/** How the value of an attribute is written: of one word, of any length, or as another row says. */
const [asWord, asBytes, otherwise] = [0, 1, 2] as const;

class Row implements Attribute<unknown> {
  readonly headerType: number;
  readonly kernelName: string;
  readonly codec: AnyCodec;
  /** All that writing needs to know of the row is its own: the engine looks long for what is not. */
  way: typeof asWord | typeof asBytes | typeof otherwise;
  key = "";
  declare repeated?: true;
  declare choices?: { by: string; rows: Record<string, AnyAttribute> };

  constructor(headerType: number, kernelName: string, codec: AnyCodec) {
    this.headerType = headerType;
    this.kernelName = kernelName;
    this.codec = codec;
    this.way = codec.isWord ? asWord : asBytes;
  }

  get type(): number {
    return this.headerType & NLA_TYPE_MASK;
  }
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
  return new Row(type | (codec.flags ?? 0), kernelName, codec);
}

/** An attribute that stands once for each element of an array. */
export function attrs<In, Out>(
  type: number,
  kernelName: string,
  codec: Codec<In, Out>,
): Attribute<readonly In[], Out[]> {
  const row = attr(type, kernelName, codec as AnyCodec);
  row.repeated = true;
  row.way = otherwise;
  return row;
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
  return chooseBy(attr(type, kernelName, bytes), by, kinds);
}

/** The row, but where a text beside it is among `kinds`, with that codec; its header stays. */
function chooseBy(
  { headerType, kernelName, codec }: Attribute<Uint8Array>,
  by: string,
  kinds: Kinds,
): AnyAttribute {
  const rows: Record<string, AnyAttribute> = {};
  for (const kind in kinds) {
    const each = kinds[kind] as AnyCodec;
    rows[kind] = new Row(headerType | (each.flags ?? 0), kernelName, each);
  }
  const row: AnyAttribute = new Row(headerType, kernelName, codec);
  row.choices = { by, rows };
  row.way = otherwise;
  return row;
}

/** Marks a nest whose attribute carries NLA_F_NESTED. */
export function nested<In, Out>(codec: Codec<In, Out>): Codec<In, Out> {
  const marked: Codec<In, Out> = Object.create(codec);
  marked.flags = NLA_F_NESTED;
  return marked;
}

/** What `attributes` makes; `message` lets it write around, and read into, the header's fields. */
export interface Nest<In, Out> extends Codec<In, Out> {
  write(out: Writer, value: In, except?: ReadonlySet<string>): void;
  readInto(from: Reader, value: object): Out;
  /** Makes what reading needs, before it is needed. */
  index(): unknown;
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
  return new TableCodec(table, keepUnknown);
}

class TableCodec implements Nest<object, object> {
  private readonly table: Table;
  private readonly keepUnknown: boolean;
  private indexed: Rows | undefined;

  constructor(table: Table, keepUnknown: boolean) {
    this.table = table;
    this.keepUnknown = keepUnknown;
  }

  /** By type. Tables are many and few are read from in one run: made when it is first needed. */
  private get rows(): Rows {
    return this.indexed ?? this.index();
  }

  index(): Rows {
    const { table } = this;
    const rows: Rows = [];
    for (const key in table) {
      const row = table[key] as AnyAttribute;
      if (row.key && row.key !== key) {
        throw new Error(`${row.kernelName} is called ${row.key} and ${key}`);
      }
      row.key = key;
      rows[row.type] = row;
    }
    this.indexed = rows;
    return rows;
  }

  nameOf(type: number): string | undefined {
    return this.rows[type]?.kernelName;
  }

  write(out: Writer, value: object, except?: ReadonlySet<string>): void {
    const given = value as Record<string, unknown>;
    const { table } = this;
    const keys = Object.keys(given);
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i] as string;
      const field = given[key];
      if (field === undefined) continue;
      const row = table[key];
      if (row === undefined) {
        if (!except?.has(key)) writeUnknown(out, key, field);
      } else if (row.way !== otherwise) {
        writeOne(out, row, field);
      } else if (row.repeated) {
        for (const element of field as unknown[]) writeOne(out, row, element);
      } else {
        writeOne(out, chosen(row, given), field);
      }
    }
  }

  read(from: Reader): object {
    return readTable(from, this.rows, this.keepUnknown, {});
  }

  readInto(from: Reader, value: object): object {
    return readTable(from, this.rows, this.keepUnknown, value as Fields);
  }
}

/** The attributes of one list, each an element of the same kind: `NFTA_LIST_ELEM` and the like. */
export function list<In, Out>(
  type: number,
  kernelName: string,
  element: Codec<In, Out>,
): Codec<readonly In[], Out[]> {
  return new ListCodec(attr(type, kernelName, element));
}

class ListCodec<In, Out> implements Codec<readonly In[], Out[]> {
  private readonly row: AnyAttribute;

  constructor(row: AnyAttribute) {
    this.row = row;
  }

  write(out: Writer, values: readonly In[]): void {
    for (const value of values) writeOne(out, this.row, value);
  }

  read(from: Reader): Out[] {
    const values: Out[] = [];
    const { end } = from;
    let at = from.at;
    while (end - at >= 4) {
      const next = attributeEnd(from.pair(at), at, end);
      from.at = at + 4;
      from.end = next;
      values.push(readField(this.row, from) as Out);
      at = (next + 3) & ~3;
    }
    from.at = end;
    from.end = end;
    return values;
  }
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
  const row = chooseBy(data, "kind", kinds);
  return attributes({ ...others, kind, data: row }) as AnyCodec;
}

/** The data of a tagged value if it is of this kind: `dataOf(link.info, "vlan")?.id`. */
export function dataOf<T extends { kind: string; data?: unknown }, N extends T["kind"]>(
  value: T | undefined,
  kind: N,
): Extract<T, { kind: N }>["data"] | undefined {
  return value?.kind === kind ? value.data : undefined;
}

/** The tables of all messages; `src/warm-up.ts` has them indexed before the executable is frozen. */
export const tails: { index(): unknown }[] = [];

/** A message's payload: a fixed header, then attributes, as one flat object. */
export function message<HIn, HOut, AIn, AOut>(
  header: Fixed<HIn, HOut>,
  tail: Nest<AIn, AOut>,
): Codec<HIn & AIn, HOut & AOut> & { header: Fixed<HIn, HOut> } {
  return new MessageCodec(header, tail);
}

class MessageCodec<HIn, HOut, AIn, AOut> implements Codec<HIn & AIn, HOut & AOut> {
  readonly header: Fixed<HIn, HOut>;
  private readonly tail: Nest<AIn, AOut>;
  private readonly headerKeys: ReadonlySet<string>;

  constructor(header: Fixed<HIn, HOut>, tail: Nest<AIn, AOut>) {
    this.header = header;
    this.tail = tail;
    tails.push(tail);
    const empty = header.read(new Reader(new Uint8Array(header.size)));
    this.headerKeys = new Set(Object.keys(empty as object));
  }

  nameOf(type: number): string | undefined {
    return this.tail.nameOf?.(type);
  }

  write(out: Writer, value: HIn & AIn): void {
    this.header.write(out, value);
    out.align();
    this.tail.write(out, value, this.headerKeys);
  }

  read(from: Reader): HOut & AOut {
    const { header } = this;
    // Reads what is there, and says what is missing.
    const head = from.left < header.size ? header.read(from) : header.take(from);
    from.align();
    return this.tail.readInto(from, head as object) as HOut & AOut;
  }
}

// ── how an attribute lies on the wire ─────────────────────────────────────────────────────────

type Fields = Record<string, unknown>;
/** Of a table, by type. */
type Rows = (AnyAttribute | undefined)[];

function chosen(row: AnyAttribute, siblings: Record<string, unknown>): AnyAttribute {
  return row.choices?.rows[siblings[row.choices.by] as string] ?? row;
}

function writeUnknown(out: Writer, key: string, value: unknown) {
  if (key[0] !== "#") throw new WireError(`no such attribute: ${key}`);
  writeOne(out, attr(Number(key.slice(1)), key, bytes as AnyCodec), value);
}

/** Called the most when writing, so it calls little. */
function writeOne(out: Writer, row: AnyAttribute, value: unknown) {
  const { codec } = row;
  const start = out.length;
  let length = 8;
  try {
    if (row.way === asWord) {
      out.wordAttribute(row.headerType, (codec as Required<AnyCodec>).word(value));
    } else {
      out.length = start + 4; // the header's place
      codec.write(out, value);
      length = out.closeAttribute(start, row.headerType);
      if (length > 0xffff) throw new WireError(`too long: ${length} bytes`);
    }
  } catch (error) {
    throw named(row.kernelName, error);
  }
  if (out.marks !== undefined) mark(out.marks, start, start + length, row);
}

function mark(marks: Mark[], start: number, end: number, { kernelName, codec }: AnyAttribute) {
  marks.push({ start, end, kernelName, nameOf: (type) => codec.nameOf?.(type) });
}

/** Reads each attribute through the same window, narrowed to it. Called the most, so it calls little. */
function readTable(from: Reader, rows: Rows, keepUnknown: boolean, value: Fields): Fields {
  const { end } = from;
  let at = from.at;
  while (end - at >= 4) {
    const head = from.pair(at);
    const next = attributeEnd(head, at, end);
    const row = rows[(head >>> 16) & NLA_TYPE_MASK];
    if (row !== undefined || keepUnknown) {
      from.at = at + 4;
      from.end = next;
      if (row !== undefined) readRow(from, row, value);
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

function readRow(from: Reader, first: AnyAttribute, value: Fields): void {
  const { key } = first;
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
