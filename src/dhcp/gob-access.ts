/**
 * Values of a gob record by the type that they must have. An absent one is zero, for gob leaves out
 * what is zero. All throw a GobError if the type is another.
 */
import { GobError, type GobRecord, type GobValue } from "./gob.ts";

export function stringOf(value: GobValue | undefined): string {
  if (value === undefined) return "";
  if (typeof value !== "string") throw unexpected("string");
  return value;
}

export function numberOf(value: GobValue | undefined): number {
  if (value === undefined) return 0;
  if (typeof value !== "number") throw unexpected("number");
  return value;
}

export function bytesOf(value: GobValue | undefined): Uint8Array {
  if (value === undefined) return new Uint8Array(0);
  if (!(value instanceof Uint8Array)) throw unexpected("bytes");
  return value;
}

export function listOf(value: GobValue | undefined): GobValue[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw unexpected("list");
  return value;
}

export function recordOf(value: GobValue | undefined): GobRecord {
  if (value === undefined) return {};
  if (typeof value !== "object" || value instanceof Uint8Array || Array.isArray(value)) {
    throw unexpected("record");
  }
  return value;
}

function unexpected(type: string): GobError {
  return new GobError(`Cannot read gob: expected a ${type}`);
}
