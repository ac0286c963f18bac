/** Keys that stand twice in the config: the parser keeps only the last of them. */
import { isKey, lookup } from "../json/lookup.ts";
import { parse } from "../json/parse.ts";
import { isObject, type JsonObject, type JsonValue } from "../json/types.ts";
import { sys } from "../sys/sys.ts";

/**
 * A key that is repeated in the object at `path`, or on the way there; undefined if there is none.
 * @param stdin the config as it came in, which has been parsed before
 */
export function repeatedKey(stdin: Uint8Array, ...path: string[]): string | undefined {
  const repeats: [JsonObject, string][] = [];
  let place: JsonValue | undefined = parse(sys.decodeUtf8(stdin), (...repeat) => {
    repeats.push(repeat);
  });
  for (const step of path) {
    if (!isObject(place)) return undefined;
    const found = repeats.find(([object, key]) => object === place && isKey(key, step));
    if (found) return found[1];
    place = lookup(place, step);
  }
  return repeats.find(([object]) => object === place)?.[1];
}
