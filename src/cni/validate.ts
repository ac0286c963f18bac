/** From the JSON on stdin to a config that the applet can trust. */
import { isObject, type JsonObject, type JsonValue } from "../json/types.ts";
import type { ConfigSchema } from "./config.ts";
import { CniError } from "./errors.ts";
import { normalise } from "./normalise.ts";

/** What a generated validator says about the first mistake; ajv's error object, in part. */
export interface Mistake {
  /** A JSON pointer to the value. */
  instancePath: string;
  keyword: string;
  params: Readonly<Record<string, unknown>>;
}

/** Fills in the defaults of a normalised config; returns the first mistake, if there is one. */
export type Validate = (config: JsonObject) => Mistake | undefined;

/**
 * The config of an applet: normalised, validated, with defaults.
 * @throws {CniError} InvalidNetworkConfig, e.g.
 *   `Cannot read config: "mtu" must be an integer, got "x"`
 */
export function readConfig(
  schema: ConfigSchema,
  validate: Validate,
  document: JsonObject,
): JsonObject {
  const config = normalise(schema, document) as JsonObject;
  const mistake = validate(config);
  if (mistake) {
    throw new CniError("InvalidNetworkConfig", `Cannot read config: ${explain(mistake, config)}`);
  }
  return config;
}

/** One line that names the key, what it must be, and what it is. */
export function explain({ instancePath, keyword, params }: Mistake, config: JsonObject): string {
  const path = instancePath.split("/").slice(1).map(unescapePointer);
  if (keyword === "required") path.push(String(params.missingProperty));
  const place = path.length > 0 ? `"${show(path)}"` : "the config";
  if (keyword === "required") return `${place} is missing`;
  const found = path.reduce<unknown>((value, key) => member(value, key), config);
  return `${place} must ${expectation(keyword, params)}, got ${abbreviate(found as JsonValue)}`;
}

function expectation(keyword: string, params: Mistake["params"]): string {
  const limit = String(params.limit);
  switch (keyword) {
    case "type": {
      const types = Array.isArray(params.type) ? params.type : String(params.type).split(",");
      return `be ${types.map(withArticle).join(" or ")}`;
    }
    case "enum":
      return `be one of ${(params.allowedValues as unknown[]).map((v) => JSON.stringify(v)).join(", ")}`;
    case "minimum":
      return `be at least ${limit}`;
    case "maximum":
      return `be at most ${limit}`;
    case "pattern":
      return `match ${String(params.pattern)}`;
    case "minLength":
    case "minItems":
      return `have at least ${limit} ${keyword === "minItems" ? "items" : "characters"}`;
    case "maxLength":
    case "maxItems":
      return `have at most ${limit} ${keyword === "maxItems" ? "items" : "characters"}`;
    default:
      return `satisfy "${keyword}"`;
  }
}

function withArticle(type: unknown): string {
  if (type === "null") return "null";
  return `${/^[aio]/.test(String(type)) ? "an" : "a"} ${type}`;
}

function show(path: readonly string[]): string {
  return path.reduce((text, key) => (/^[0-9]+$/.test(key) ? `${text}[${key}]` : `${text}.${key}`));
}

function unescapePointer(key: string): string {
  return key.replace(/~1/g, "/").replace(/~0/g, "~");
}

function member(value: unknown, key: string): unknown {
  if (Array.isArray(value)) return value[Number(key)];
  return isObject(value) ? value[key] : undefined;
}

function abbreviate(value: JsonValue): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
