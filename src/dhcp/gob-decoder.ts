/**
 * Reading one direction of a gob stream: the other side says of which types its values are, and may
 * have fields that we do not know.
 */
import { GobError, GobReader, type GobRecord, type GobValue, gobIds } from "./gob.ts";
import { fromUtf8 } from "./text.ts";

type Definition = { elements: number } | { fields: readonly Field[] };

interface Field {
  name: string;
  id: number;
}

/** Values nest as deep as results do. */
const deepest = 16;

/** A stream defines each type once. */
const mostTypes = 256;

export class GobDecoder {
  readonly #types = new Map<number, Definition>();

  /**
   * Reads one message: remembers a definition and returns undefined, or returns the record.
   * @throws {GobError}
   */
  decode(message: Uint8Array): GobRecord | undefined {
    const reader = new GobReader(message);
    const id = reader.int();
    if (id < 0) {
      if (this.#types.size >= mostTypes) throw new GobError("Cannot read gob: too many types");
      this.#types.set(-id, readDefinition(reader));
      return undefined;
    }
    const type = this.#types.get(id);
    if (!type || !("fields" in type)) throw new GobError(`Cannot read gob: ${id} is no record`);
    return this.#readRecord(reader, type.fields, 0);
  }

  #read(reader: GobReader, id: number, depth: number): GobValue {
    if (depth > deepest) throw new GobError("Cannot read gob: values nest too deep");
    if (id === gobIds.bool) return reader.uint() !== 0;
    if (id === gobIds.int) return reader.int();
    if (id === gobIds.uint || id === gobIds.float) return reader.uint();
    if (id === gobIds.bytes) return reader.bytes();
    if (id === gobIds.string) return fromUtf8(reader.bytes());
    const type = this.#types.get(id);
    if (!type) throw new GobError(`Cannot read gob: unknown type ${id}`);
    if ("fields" in type) return this.#readRecord(reader, type.fields, depth);
    const list: GobValue[] = [];
    for (let left = readCount(reader); left > 0; left--) {
      list.push(this.#read(reader, type.elements, depth + 1));
    }
    return list;
  }

  #readRecord(reader: GobReader, fields: readonly Field[], depth: number): GobRecord {
    const record: GobRecord = Object.create(null);
    eachField(reader, (number) => {
      const field = fields[number];
      if (!field) throw new GobError(`Cannot read gob: a record has no field ${number}`);
      record[field.name] = this.#read(reader, field.id, depth + 1);
    });
    return record;
  }
}

/** Calls `read` for each field that is there. */
function eachField(reader: GobReader, read: (number: number) => void): void {
  let number = -1;
  for (let delta = reader.uint(); delta !== 0; delta = reader.uint()) {
    number += delta;
    read(number);
  }
}

/** A count of elements. Each takes a byte at least, so one above what is left is a lie. */
function readCount(reader: GobReader): number {
  const count = reader.uint();
  if (count > reader.left) throw new GobError("Cannot read gob: a list is cut off");
  return count;
}

/** A wireType. Of its kinds, SliceT and StructT are all that calls of ours are made of. */
function readDefinition(reader: GobReader): Definition {
  let definition: Definition | undefined;
  eachField(reader, (kind) => {
    if (kind === 1) definition = readSlice(reader);
    else if (kind === 2) definition = readStruct(reader);
    else throw new GobError(`Cannot read gob: a type is of kind ${kind}`);
  });
  if (!definition) throw new GobError("Cannot read gob: a type is of no kind");
  return definition;
}

/** CommonType: Name, Id. Neither tells us anything. */
function skipCommon(reader: GobReader): void {
  eachField(reader, (number) => {
    if (number === 0) reader.bytes();
    else reader.int();
  });
}

/** SliceType: CommonType, Elem. */
function readSlice(reader: GobReader): Definition {
  let elements = 0;
  eachField(reader, (number) => {
    if (number === 0) skipCommon(reader);
    else elements = reader.int();
  });
  return { elements };
}

/** StructType: CommonType, Field. */
function readStruct(reader: GobReader): Definition {
  const fields: Field[] = [];
  eachField(reader, (number) => {
    if (number === 0) return skipCommon(reader);
    for (let left = readCount(reader); left > 0; left--) fields.push(readField(reader));
  });
  return { fields };
}

/** FieldType: Name, Id. */
function readField(reader: GobReader): Field {
  const field = { name: "", id: 0 };
  eachField(reader, (number) => {
    if (number === 0) field.name = fromUtf8(reader.bytes());
    else field.id = reader.int();
  });
  return field;
}
