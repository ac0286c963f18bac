import { createHash } from "node:crypto";
import t from "tap";
import { sha512Hex } from "../../src/kernel/digest.ts";
import { sys } from "../../src/sys/sys.ts";

t.test("agrees with OpenSSL at every length around the block's size", async (t) => {
  for (let length = 0; length <= 400; length++) {
    const data = Uint8Array.from({ length }, (_, i) => (i * 167 + length) & 0xff);
    t.same(sys.digest(data), createHash("sha512").update(data).digest(), `${length} bytes`);
  }
});

t.test("a string is its UTF-8 bytes", async (t) => {
  t.equal(sha512Hex("é😀", 128), createHash("sha512").update("é😀").digest("hex"));
});

// The names that the reference's tests expect: pkg/utils/utils_test.go.
t.test("chain names", async (t) => {
  const name = (network: string, id: string) => sha512Hex(network + id, 24);
  t.equal(name("test", "1234"), "2bbe0c48b91a7d1b8a6753a8");
  t.equal(name("testalongnamethatdoesnotmakesense", "1234"), "374f33fe84ab0ed84dcdebe3");
});

t.test("an odd number of digits, as in the names of portmap's chains", async (t) => {
  t.equal(sha512Hex("net1c1", 21), "c2d892b58e87e28a12fe6"); // as Go has it
});

t.test("the hash of a masquerade rule", async (t) => {
  t.equal(sha512Hex("unit-test", 16), "6fd94d501e58f0aa");
  t.equal(sha512Hex("eth0:one", 16), "287fc69eff0574a2");
});
