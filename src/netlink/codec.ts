/**
 * Codecs for single values: scalars, numbers with names, structs. The byte order stands in the
 * name: `u16` is the host's, `be16` the network's.
 */
import { hostWord, networkWord, Reader, WireError, Writer } from "./wire.ts";

/** Writes a value, and reads all that is left of its window. `Out` is what reading gives. */
export interface Codec<In, Out = In> {
  write(out: Writer, value: In): void;
  read(from: Reader): Out;
  /** Whether `word` gives the value as a word in memory: it says the same as `write`, but quicker. */
  isWord?: boolean;
  word?(value: In): number;
  /** Set on nests whose attribute carries NLA_F_NESTED. */
  flags?: number;
  /** Of a nest: the kernel's name of the attribute with this number. */
  nameOf?(type: number): string | undefined;
}

/** A codec of a known number of bytes, which may stand in a struct. */
export interface Fixed<In, Out = In> extends Codec<In, Out> {
  size: number;
  /** As `read`, but takes the next `size` bytes of a longer window; whoever calls has counted them. */
  take(from: Reader): Out;
}

// biome-ignore lint/suspicious/noExplicitAny: a codec is invariant in its value; `any` stands for each
export type AnyCodec = Codec<any, any>;

/** What a codec reads. */
export type Infer<C> = C extends Codec<never, infer Out> ? Out : never;
/** What a codec writes. */
export type Input<C> = C extends Codec<infer In, unknown> ? In : never;

// ── scalars ───────────────────────────────────────────────────────────────────────────────────

function scalar<T>(
  name: string,
  size: number,
  write: (out: Writer, value: T) => void,
  take: (from: Reader) => T,
  word?: (value: T) => number,
): Fixed<T> {
  return {
    size,
    write,
    ...(word && { isWord: true, word }),
    take,
    read(from) {
      if (from.end - from.at !== size) {
        throw new WireError(`expected ${size} bytes (${name}), got ${from.left}`);
      }
      return take(from);
    },
  };
}

/** One byte. */
export const u8 = scalar<number>(
  "u8",
  1,
  (out, v) => out.u8(v),
  (from) => from.u8(),
);
/** In the byte order of the machine. */
export const u16 = scalar<number>(
  "u16",
  2,
  (out, v) => out.u16(v),
  (from) => from.u16(),
);
/** In the byte order of the machine. */
export const u32 = scalar<number>(
  "u32",
  4,
  (out, v) => out.u32(v),
  (from) => from.u32(),
  hostWord,
);
/** Signed, in the byte order of the machine. */
export const i32 = scalar<number>(
  "i32",
  4,
  (out, v) => out.i32(v),
  (from) => from.i32(),
  hostWord,
);
/** Whole numbers below 2^53 are exact. */
export const u64 = scalar<number>(
  "u64",
  8,
  (out, v) => out.u64(v),
  (from) => from.u64(),
);
/** In network order. */
export const be16 = scalar<number>(
  "be16",
  2,
  (out, v) => out.u16(v, undefined, false),
  (from) => from.u16(false),
);
/** In network order. */
export const be32 = scalar<number>(
  "be32",
  4,
  (out, v) => out.u32(v, undefined, false),
  (from) => from.u32(false),
  networkWord,
);
/** Whole numbers below 2^53 are exact. */
export const be64 = scalar<number>(
  "be64",
  8,
  (out, v) => out.u64(v, false),
  (from) => from.u64(false),
);

/** One byte, 0 or 1. */
export const bool8: Fixed<boolean> = {
  size: 1,
  write: (out, value) => u8.write(out, value ? 1 : 0),
  take: (from) => from.u8() !== 0,
  read: (from) => u8.read(from) !== 0,
};

/** An attribute that says all by being there. */
export const present: Codec<true> = { write() {}, read: () => true };

/** Bytes as they are: addresses, and whatever another layer reads. */
export const bytes: Codec<Uint8Array> = {
  write: (out, value) => out.bytes(value),
  read: (from) => from.bytes(),
};

/** Text that ends with a NUL on the wire. Non-ASCII text must be passed as its UTF-8 bytes. */
export const cstring: Codec<string> = {
  write: (out, value) => out.cstring(value),
  read: (from) => from.latin1(),
};

const hexDigits = "0123456789abcdef";

/** A hardware address as text, `02:00:00:00:00:01`. */
export const mac: Codec<string> = {
  write(out, value) {
    for (const octet of value.split(":")) {
      if (!/^[0-9a-f]{1,2}$/i.test(octet)) throw new WireError(`cannot encode MAC "${value}"`);
      out.u8(Number.parseInt(octet, 16));
    }
  },
  read(from) {
    let text = "";
    while (from.at < from.end) {
      const octet = from.u8();
      text += `${text && ":"}${hexDigits[octet >> 4]}${hexDigits[octet & 15]}`;
    }
    return text;
  },
};

// ── numbers with names ────────────────────────────────────────────────────────────────────────

/**
 * A number that stands for something else. Classes, here and below, as codecs are many and mostly
 * unused in one run: an object is a fraction of the functions that it would be made of.
 */
abstract class Numeric<T> implements Fixed<T> {
  readonly size: number;
  protected readonly base: Fixed<number>;

  constructor(base: Fixed<number>) {
    this.base = base;
    this.size = base.size;
  }

  abstract numberOf(value: T): number;
  abstract valueOf(number: number): T;

  write(out: Writer, value: T): void {
    this.base.write(out, this.numberOf(value));
  }

  take(from: Reader): T {
    return this.valueOf(this.base.take(from));
  }

  read(from: Reader): T {
    return this.valueOf(this.base.read(from));
  }

  get isWord(): boolean {
    return this.base.isWord === true;
  }

  word(value: T): number {
    return this.base.word?.(this.numberOf(value)) as number;
  }
}

/** All that translate to names; `src/warm-up.ts` has them indexed before the executable is frozen. */
export const namings: { index(): unknown }[] = [];

class OneOf<N extends Record<string, number>> extends Numeric<keyof N | number> {
  private readonly names: N;
  private byNumber: Map<number, keyof N> | undefined;

  constructor(base: Fixed<number>, names: N) {
    super(base);
    this.names = names;
    namings.push(this);
  }

  index(): Map<number, keyof N> {
    this.byNumber = new Map(Object.entries(this.names).map(([name, n]) => [n, name]));
    return this.byNumber;
  }

  numberOf(value: keyof N | number): number {
    const number = typeof value === "number" ? value : this.names[value as string];
    if (number === undefined) throw new WireError(`no such name: ${String(value)}`);
    return number;
  }

  valueOf(number: number): keyof N | number {
    return (this.byNumber ?? this.index()).get(number) ?? number;
  }
}

/** A number that the kernel has names for; one without a name stays a number. */
export function oneOf<const N extends Record<string, number>>(
  base: Fixed<number>,
  names: N,
): Fixed<keyof N | number> {
  return new OneOf(base, names);
}

class Flags<N extends Record<string, number>> extends Numeric<readonly (keyof N | number)[]> {
  private readonly names: N;

  constructor(base: Fixed<number>, names: N) {
    super(base);
    this.names = names;
  }

  numberOf(value: readonly (keyof N | number)[]): number {
    let bits = 0;
    for (const flag of value) {
      bits |= typeof flag === "number" ? flag : (this.names[flag as string] ?? 0);
    }
    return bits >>> 0;
  }

  valueOf(number: number): (keyof N | number)[] {
    const set: (keyof N | number)[] = [];
    const { names } = this;
    let bits = number;
    for (const name in names) {
      if (bits === 0) break;
      const bit = names[name] as number;
      if (bit !== 0 && (bits & bit) >>> 0 === bit) {
        set.push(name);
        bits = (bits & ~bit) >>> 0;
      }
    }
    if (bits !== 0) set.push(bits);
    return set;
  }
}

/** A set of bits, read as the list of their names; bits without a name are kept as one number. */
export function flags<const N extends Record<string, number>>(
  base: Fixed<number>,
  names: N,
): Fixed<readonly (keyof N | number)[]> {
  return new Flags(base, names);
}

// ── structs ───────────────────────────────────────────────────────────────────────────────────

type Fields = Record<string, Fixed<never, unknown>>;
type StructOut<F extends Fields> = {
  -readonly [K in keyof F as K extends `_${string}` ? never : K]: Infer<F[K]>;
};
type StructIn<F extends Fields> = {
  -readonly [K in keyof F as K extends `_${string}` ? never : K]?: Input<F[K]>;
};

class Struct implements Fixed<object> {
  readonly size: number;
  private readonly name: string;
  private readonly entries: readonly [string, Fixed<unknown>][];

  constructor(name: string, fields: Fields) {
    this.name = name;
    this.entries = Object.entries(fields) as [string, Fixed<unknown>][];
    this.size = this.entries.reduce((sum, [, codec]) => sum + codec.size, 0);
  }

  write(out: Writer, value: object): void {
    const given = value as Record<string, unknown>;
    for (const [key, codec] of this.entries) {
      const field = given[key];
      if (field === undefined) out.reserve(codec.size);
      else codec.write(out, field);
    }
  }

  take(from: Reader): object {
    const value: Record<string, unknown> = {};
    for (const [key, codec] of this.entries) {
      if (key[0] === "_") from.at += codec.size;
      else value[key] = codec.take(from);
    }
    return value;
  }

  read(from: Reader): object {
    if (from.left < this.size) {
      throw new WireError(`${this.name}: expected ${this.size} bytes, got ${from.left}`);
    }
    return this.take(from);
  }
}

/** A C struct: fields in order. A name that starts with `_` is padding; an absent field is 0. */
export function struct<const F extends Fields>(
  name: string,
  fields: F,
): Fixed<StructIn<F>, StructOut<F>> {
  return new Struct(name, fields) as unknown as Fixed<StructIn<F>, StructOut<F>>;
}

// ── whole values ─────────────────────────────────────────────────────────────────────────────

/** The bytes of one value. */
export function encode<In>(codec: Codec<In, unknown>, value: In): Uint8Array {
  const out = new Writer(64);
  codec.write(out, value);
  return out.finish();
}

/** Reads a value from all of `data`. */
export function decode<Out>(codec: Codec<never, Out>, data: Uint8Array): Out {
  return codec.read(new Reader(data));
}
