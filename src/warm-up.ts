/**
 * Asks for what calls use of the language's own objects. The engine makes each of these functions when
 * it is first asked for; what has been made when the executable is frozen, no call needs to make.
 */
const used: readonly [owner: object, names: string][] = [
  [Array, "from isArray"],
  [Array.prototype, "every filter find flatMap forEach includes indexOf join map pop push"],
  [Array.prototype, "reduce slice some sort"],
  [JSON, "parse stringify"],
  [Map.prototype, "get has set"],
  [Math, "floor max min"],
  [Number, "isInteger"],
  [Object, "assign defineProperty entries keys setPrototypeOf values"],
  [RegExp.prototype, "exec test"],
  [Set.prototype, "add has"],
  [String.prototype, "charCodeAt endsWith includes indexOf lastIndexOf replace replaceAll"],
  [String.prototype, "slice split startsWith toLowerCase trim"],
  [Object.getPrototypeOf(Uint8Array.prototype), "fill set slice subarray"],
];

for (const [owner, names] of used) {
  for (const name of names.split(" ")) Reflect.get(owner, name);
}
