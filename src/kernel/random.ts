import { sys } from "../sys/sys.ts";

/** Random lower-case hex digits, an even number of them, from the kernel. */
export function randomHex(digits: number): string {
  let text = "";
  for (const byte of sys.random(digits / 2)) text += (byte + 0x100).toString(16).slice(1);
  return text;
}
