import { toHex } from "../addr/bytes.ts";
import { sys } from "../sys/sys.ts";

/** The first `digits` (an even number, at most 128) lower-case hex digits of a text's SHA-512. */
export function sha512Hex(text: string, digits: number): string {
  return toHex(sys.digest(sys.encodeUtf8(text)).subarray(0, digits / 2));
}
