/** Writing one direction of a gob stream: values, and before them the types that they are of. */
import { concat } from "../addr/bytes.ts";
import {
  firstGobId,
  GobError,
  type GobRecord,
  type GobValue,
  gobBytes,
  gobIds,
  gobInt,
  gobString,
  gobUint,
} from "./gob.ts";

/** A basic type, a list, or a record with its fields in order. The names are Go's, for Go's messages. */
export type GobType = BasicType | ListType | RecordType;
export type BasicType = "string" | "bytes" | "int" | "uint";
export interface ListType {
  readonly name: string;
  readonly elements: GobType;
}
export interface RecordType {
  readonly name: string;
  readonly fields: Readonly<Record<string, GobType>>;
}

export class GobEncoder {
  readonly #ids = new Map<GobType, number>();

  /** The messages for a value: the definitions that have not been sent yet, and the value. */
  encode(type: RecordType, value: GobRecord): Uint8Array {
    const definitions: Uint8Array[] = [];
    const id = this.#define(type, definitions);
    return concat(...definitions, message(gobInt(id), writeRecord(type, value)));
  }

  /** The id of a type. What must be said about it goes to the definitions, a whole before its parts. */
  #define(type: GobType, definitions: Uint8Array[]): number {
    if (typeof type === "string") return gobIds[type];
    const known = this.#ids.get(type);
    if (known !== undefined) return known;
    const place = definitions.length;
    let id: number;
    let kind: number[];
    if ("elements" in type) {
      const element = this.#define(type.elements, definitions);
      id = this.#take(type);
      kind = [2, 1, ...common(type.name, id), 1, ...gobInt(element)]; // SliceT{CommonType, Elem}
    } else {
      id = this.#take(type);
      const fields = this.#fields(type, definitions);
      kind = [3, 1, ...common(type.name, id), ...fields]; // StructT{CommonType, Field}
    }
    definitions.splice(place, 0, message(gobInt(-id), Uint8Array.of(...kind, 0, 0)));
    return id;
  }

  /** Go counts in the same order, so what we send can be compared with what it sends. */
  #take(type: GobType): number {
    const id = firstGobId + 1 + this.#ids.size;
    this.#ids.set(type, id);
    return id;
  }

  #fields({ fields }: RecordType, definitions: Uint8Array[]): number[] {
    const entries = Object.entries(fields);
    if (entries.length === 0) return [];
    const written = entries.flatMap(([name, type]) => {
      const id = gobInt(this.#define(type, definitions));
      return [1, ...gobString(name), 1, ...id, 0];
    });
    return [1, ...gobUint(entries.length), ...written];
  }
}

/** CommonType{Name, Id} */
function common(name: string, id: number): number[] {
  if (name === "") return [2, ...gobInt(id), 0];
  return [1, ...gobString(name), 1, ...gobInt(id), 0];
}

function message(...parts: Uint8Array[]): Uint8Array {
  return gobBytes(concat(...parts));
}

/** The fields that are not zero, each after the distance from the one before; then 0. */
function writeRecord({ fields }: RecordType, value: GobRecord): Uint8Array {
  const parts: Uint8Array[] = [];
  let number = -1;
  let last = -1;
  for (const [name, type] of Object.entries(fields)) {
    number++;
    const field = value[name];
    if (field === undefined || isZero(type, field)) continue;
    parts.push(gobUint(number - last), writeValue(type, field));
    last = number;
  }
  return concat(...parts, Uint8Array.of(0));
}

function writeValue(type: GobType, value: GobValue): Uint8Array {
  if (type === "string" && typeof value === "string") return gobString(value);
  if (type === "bytes" && value instanceof Uint8Array) return gobBytes(value);
  if (type === "int" && typeof value === "number") return gobInt(value);
  if (type === "uint" && typeof value === "number") return gobUint(value);
  if (typeof type === "object" && typeof value === "object") {
    if ("fields" in type) return writeRecord(type, value as GobRecord);
    if (Array.isArray(value)) {
      const elements = value.map((element) => writeValue(type.elements, element));
      return concat(gobUint(value.length), ...elements);
    }
  }
  throw new GobError("Cannot write gob: a value is not of its type");
}

/** Go leaves out what is zero, of records only those without any field. */
function isZero(type: GobType, value: GobValue): boolean {
  if (typeof value === "string" || value instanceof Uint8Array || Array.isArray(value)) {
    return value.length === 0;
  }
  if (typeof value !== "object") return value === 0 || value === false;
  return typeof type === "object" && "fields" in type && Object.keys(type.fields).length === 0;
}
