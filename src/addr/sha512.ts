/**
 * SHA-512 (FIPS 180-4), for the names of chains and rules that the reference derives from it.
 *
 * In 32-bit halves, high before low: the engine's BigInt is slow to start and to use.
 */
import { toHex, utf8 } from "./bytes.ts";

/** First 64 fraction bits of the square roots of the first 8 primes. */
const initialState =
  "6a09e667f3bcc908bb67ae8584caa73b3c6ef372fe94f82ba54ff53a5f1d36f1510e527fade682d19b05688c2b3e6c1f" +
  "1f83d9abfb41bd6b5be0cd19137e2179";

/** First 64 fraction bits of the cube roots of the first 80 primes. */
const roundConstants =
  "428a2f98d728ae227137449123ef65cdb5c0fbcfec4d3b2fe9b5dba58189dbbc3956c25bf348b53859f111f1b605d019" +
  "923f82a4af194f9bab1c5ed5da6d8118d807aa98a303024212835b0145706fbe243185be4ee4b28c550c7dc3d5ffb4e2" +
  "72be5d74f27b896f80deb1fe3b1696b19bdc06a725c71235c19bf174cf692694e49b69c19ef14ad2efbe4786384f25e3" +
  "0fc19dc68b8cd5b5240ca1cc77ac9c652de92c6f592b02754a7484aa6ea6e4835cb0a9dcbd41fbd476f988da831153b5" +
  "983e5152ee66dfaba831c66d2db43210b00327c898fb213fbf597fc7beef0ee4c6e00bf33da88fc2d5a79147930aa725" +
  "06ca6351e003826f142929670a0e6e7027b70a8546d22ffc2e1b21385c26c9264d2c6dfc5ac42aed53380d139d95b3df" +
  "650a73548baf63de766a0abb3c77b2a881c2c92e47edaee692722c851482353ba2bfe8a14cf10364a81a664bbc423001" +
  "c24b8b70d0f89791c76c51a30654be30d192e819d6ef5218d69906245565a910f40e35855771202a106aa07032bbd1b8" +
  "19a4c116b8d2d0c81e376c085141ab532748774cdf8eeb9934b0bcb5e19b48a8391c0cb3c5c95a634ed8aa4ae3418acb" +
  "5b9cca4f7763e373682e6ff3d6b2b8a3748f82ee5defb2fc78a5636f43172f6084c87814a1f0ab728cc702081a6439ec" +
  "90befffa23631e28a4506cebde82bde9bef9a3f7b2c67915c67178f2e372532bca273eceea26619cd186b8c721c0c207" +
  "eada7dd6cde0eb1ef57d4f7fee6ed17806f067aa72176fba0a637dc5a2c898a6113f9804bef90dae1b710b35131c471b" +
  "28db77f523047d8432caab7b40c724933c9ebe0a15c9bebc431d67c49c100d4c4cc5d4becb3e42b6597f299cfc657e2a" +
  "5fcb6fab3ad6faec6c44198c4a475817";

const blockBytes = 128;
const lengthBytes = 16;
const wrap = 0x100000000;

/** The digest of `input` (a string is its UTF-8 bytes) as 128 lower-case hex digits. */
export function sha512Hex(input: Uint8Array | string): string {
  const data = typeof input === "string" ? utf8(input) : input;
  const constants = words(roundConstants);
  const state = words(initialState);
  const blocks = Math.ceil((data.length + 1 + lengthBytes) / blockBytes);
  const message = new Uint8Array(blocks * blockBytes);
  message.set(data);
  message[data.length] = 0x80;
  const view = new DataView(message.buffer);
  view.setUint32(message.length - 4, data.length * 8);
  view.setUint32(message.length - 8, data.length / (wrap / 8));
  for (let at = 0; at < message.length; at += blockBytes) compress(state, view, at, constants);

  const digest = new DataView(new ArrayBuffer(64));
  for (let i = 0; i < 16; i++) digest.setInt32(4 * i, state[i] as number);
  return toHex(new Uint8Array(digest.buffer));
}

function words(hex: string): Int32Array {
  const result = new Int32Array(hex.length / 8);
  for (let i = 0; i < result.length; i++) {
    result[i] = Number.parseInt(hex.slice(8 * i, 8 * i + 8), 16);
  }
  return result;
}

/** The message schedule of a block: 80 words of 64 bits. */
function schedule(message: DataView, at: number): Int32Array {
  const w = new Int32Array(160);
  for (let i = 0; i < 32; i++) w[i] = message.getInt32(at + 4 * i);
  for (let i = 32; i < 160; i += 2) {
    const h15 = w[i - 30] as number;
    const l15 = w[i - 29] as number;
    const h2 = w[i - 4] as number;
    const l2 = w[i - 3] as number;
    const s0h = ((h15 >>> 1) | (l15 << 31)) ^ ((h15 >>> 8) | (l15 << 24)) ^ (h15 >>> 7);
    const s0l =
      ((l15 >>> 1) | (h15 << 31)) ^ ((l15 >>> 8) | (h15 << 24)) ^ ((l15 >>> 7) | (h15 << 25));
    const s1h = ((h2 >>> 19) | (l2 << 13)) ^ ((l2 >>> 29) | (h2 << 3)) ^ (h2 >>> 6);
    const s1l = ((l2 >>> 19) | (h2 << 13)) ^ ((h2 >>> 29) | (l2 << 3)) ^ ((l2 >>> 6) | (h2 << 26));
    const low =
      (s0l >>> 0) + (s1l >>> 0) + ((w[i - 13] as number) >>> 0) + ((w[i - 31] as number) >>> 0);
    w[i + 1] = low;
    w[i] = s0h + s1h + (w[i - 14] as number) + (w[i - 32] as number) + Math.floor(low / wrap);
  }
  return w;
}

function compress(state: Int32Array, message: DataView, at: number, k: Int32Array): void {
  const w = schedule(message, at);
  let [ah, al, bh, bl, ch, cl, dh, dl, eh, el, fh, fl, gh, gl, hh, hl] =
    state as Iterable<number> as [
      number,
      number,
      number,
      number,
      number,
      number,
      number,
      number,
      number,
      number,
      number,
      number,
      number,
      number,
      number,
      number,
    ];
  for (let i = 0; i < 160; i += 2) {
    const s1h = ((eh >>> 14) | (el << 18)) ^ ((eh >>> 18) | (el << 14)) ^ ((el >>> 9) | (eh << 23));
    const s1l = ((el >>> 14) | (eh << 18)) ^ ((el >>> 18) | (eh << 14)) ^ ((eh >>> 9) | (el << 23));
    const choice = (el & fl) ^ (~el & gl);
    const low1 =
      (hl >>> 0) +
      (s1l >>> 0) +
      (choice >>> 0) +
      ((k[i + 1] as number) >>> 0) +
      ((w[i + 1] as number) >>> 0);
    const high1 =
      (hh +
        s1h +
        ((eh & fh) ^ (~eh & gh)) +
        (k[i] as number) +
        (w[i] as number) +
        Math.floor(low1 / wrap)) |
      0;
    const s0h = ((ah >>> 28) | (al << 4)) ^ ((al >>> 2) | (ah << 30)) ^ ((al >>> 7) | (ah << 25));
    const s0l = ((al >>> 28) | (ah << 4)) ^ ((ah >>> 2) | (al << 30)) ^ ((ah >>> 7) | (al << 25));
    const majority = (al & bl) ^ (al & cl) ^ (bl & cl);
    const low2 = (low1 >>> 0) + (s0l >>> 0) + (majority >>> 0);
    hh = gh;
    hl = gl;
    gh = fh;
    gl = fl;
    fh = eh;
    fl = el;
    const lowE = (dl >>> 0) + (low1 >>> 0);
    eh = (dh + high1 + Math.floor(lowE / wrap)) | 0;
    el = lowE | 0;
    dh = ch;
    dl = cl;
    ch = bh;
    cl = bl;
    bh = ah;
    bl = al;
    ah = (high1 + s0h + ((ah & ch) ^ (ah & dh) ^ (ch & dh)) + Math.floor(low2 / wrap)) | 0;
    al = low2 | 0;
  }
  const added = [ah, al, bh, bl, ch, cl, dh, dl, eh, el, fh, fl, gh, gl, hh, hl];
  for (let i = 0; i < 16; i += 2) {
    const low = ((state[i + 1] as number) >>> 0) + ((added[i + 1] as number) >>> 0);
    state[i + 1] = low;
    state[i] = (state[i] as number) + (added[i] as number) + Math.floor(low / wrap);
  }
}
