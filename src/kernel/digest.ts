import { toHex } from "../addr/bytes.ts";
import { sys } from "../sys/sys.ts";

/** The SHA-512 of a text's UTF-8 bytes, as 128 lower-case hex digits. */
export function sha512Hex(text: string): string {
  return toHex(sys.digest(sys.encodeUtf8(text)));
}
