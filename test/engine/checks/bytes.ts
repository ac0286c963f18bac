import { addon, check, thrown } from "./check.ts";

const kinds = [
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
];

export function checkBytes(): void {
  const { buffer, isBuffer, isTyped, bufferSum, typed, typedInfo } = addon;
  const eight = buffer(8);
  check("array buffer", new Uint8Array(eight), new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8]));
  check("array buffer, empty", buffer(0).byteLength, 0);
  check(
    "external array buffer",
    new Uint8Array(addon.externalBuffer(3)),
    new Uint8Array([9, 9, 9]),
  );
  check("is array buffer", [eight, new Uint8Array(1), {}].map(isBuffer), [true, false, false]);
  check(
    "array buffer info",
    [bufferSum(eight), bufferSum(new ArrayBuffer(0)), bufferSum([])],
    ["8 36", "0 0", "status 1"],
  );
  check(
    "is typed array",
    [...kinds.map((kind) => new kind(1)), new DataView(eight), eight, []].map(isTyped),
    [...kinds.map(() => true), false, false, false],
  );

  const sixteen = buffer(16);
  check(
    "typed arrays",
    kinds.map((kind, i) => {
      const array = typed(i, 1, sixteen, 8);
      return (
        array instanceof kind &&
        array.byteOffset === 8 &&
        array.length === 1 &&
        array.buffer === sixteen
      );
    }),
    kinds.map(() => true),
  );
  check(
    "typed array, not aligned",
    thrown(() => typed(5, 1, sixteen, 2)).slice(0, 10),
    "RangeError",
  );
  check("typed array, too long", thrown(() => typed(1, 17, sixteen, 0)).slice(0, 10), "RangeError");
  check("typed array of no buffer", typed(1, 1, {}, 0), "status 1");
  check(
    "typed array info",
    kinds.map((kind) => typedInfo(new kind(sixteen, 8, 1))),
    kinds.map((_, i) => `${i} 1 8 9`),
  );
  check(
    "typed array info, of a part",
    typedInfo(new Uint8Array(sixteen).subarray(3, 7)),
    "1 4 3 4",
  );
  check("typed array info, empty", typedInfo(new Uint8Array(0)), "1 0 0 ");
  check("typed array info of another object", typedInfo({}), "status 1");
}
