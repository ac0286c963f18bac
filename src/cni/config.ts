/**
 * A plugin's config, declared once.
 *
 * An applet declares its keys beside its code, as a JSON Schema. From that come the TypeScript type
 * ({@link Config}), the validator (made at build time), defaults, letter case, `--help`, the
 * reference page and the schema that editors use.
 *
 *     const schema = configSchema({
 *       mode: { enum: ["l2", "l3"], default: "l2", description: "Where packets are switched" },
 *     });
 *     type Conf = Config<typeof schema>; // mode is never undefined
 */
import type { FromSchema, JSONSchema } from "json-schema-to-ts";
import { common } from "./schema-common.ts";

type TypeName = "string" | "integer" | "number" | "boolean" | "object" | "array" | "null";

/** One key, or what an array or map holds: the part of JSON Schema (draft 7) that is in use here. */
export interface Property {
  readonly type?: TypeName | readonly TypeName[];
  readonly enum?: readonly unknown[];
  /** Filled in where the key is absent; inside an object only where that object is there. */
  readonly default?: unknown;
  readonly description?: string;
  readonly examples?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly items?: Property;
  readonly properties?: Properties;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | Property;
  /** The value the reference cannot tell from an absent key (`""`, `0`) counts as absent. */
  readonly emptyIsAbsent?: true;
}

export type Properties = { readonly [key: string]: Property };

/** The schema of a whole config. `Own` and `Required` only carry types. */
export interface ConfigSchema<
  Own extends Properties = Properties,
  Required extends readonly string[] = readonly string[],
> extends Property {
  readonly type: "object";
  readonly properties: Properties;
  readonly required: readonly string[];
  readonly additionalProperties: false;
  readonly own?: { readonly properties: Own; readonly required: Required };
}

type Infer<S> = S extends JSONSchema ? FromSchema<S> : never;

type CommonConfig = Infer<{
  readonly type: "object";
  readonly properties: typeof common;
  readonly additionalProperties: false;
}>;

type OwnConfig<Own, Required> = Infer<{
  readonly type: "object";
  readonly properties: Own;
  readonly required: Required;
  readonly additionalProperties: false;
}>;

/** The type of a validated config: keys with a default, and required ones, are never undefined. */
export type Config<S extends ConfigSchema> =
  S extends ConfigSchema<infer Own, infer Required>
    ? OwnConfig<Own, Required> & Omit<CommonConfig, keyof OwnConfig<Own, Required>>
    : never;

/**
 * Declares an applet's keys; those that every plugin has (`name`, `ipam`, `dns`, ...) are added.
 *
 * A common key that is declared again is refined: `ipam: object({ subnet: ... })` keeps `ipam.type`.
 * @param required the own keys that must be there
 */
export function configSchema<
  const Own extends Properties,
  const Required extends readonly (keyof Own & string)[] = readonly [],
>(own: Own, required?: Required): ConfigSchema<Own, Required> {
  const properties: Record<string, Property> = { ...common };
  for (const key of Object.keys(own)) {
    const declared: Property = own[key] ?? {};
    const base = properties[key];
    properties[key] =
      base?.properties && declared.properties
        ? { ...base, ...declared, properties: { ...base.properties, ...declared.properties } }
        : declared;
  }
  return {
    type: "object",
    properties,
    required: required ?? [],
    additionalProperties: false,
  };
}

/** What {@link object} makes. */
export interface ObjectOf<P extends Properties, Required extends readonly string[]> {
  readonly type: "object";
  readonly description?: string;
  readonly properties: P;
  readonly required: Required;
  readonly additionalProperties: false;
}

/**
 * An object with these keys. Other keys are tolerated at run time and dropped; editors and
 * `validate` flag them.
 * @param more what it is for, and which keys must be there
 */
export function object<const P extends Properties>(
  properties: P,
  more?: { readonly description: string },
): ObjectOf<P, readonly []>;
export function object<
  const P extends Properties,
  const Required extends readonly (keyof P & string)[],
>(
  properties: P,
  more: { readonly description?: string; readonly required: Required },
): ObjectOf<P, Required>;
export function object(
  properties: Properties,
  more?: { readonly description?: string; readonly required?: readonly string[] },
): Property {
  return { type: "object", required: [], ...more, properties, additionalProperties: false };
}
