import { toHex } from "../addr/bytes.ts";
import { sys } from "../sys/sys.ts";

/** The first `digits` (at most 128) lower-case hex digits of a text's SHA-512. */
export function sha512Hex(text: string, digits: number): string {
  const digest = sys.digest(sys.encodeUtf8(text));
  return toHex(digest.subarray(0, (digits + 1) >> 1)).slice(0, digits);
}
