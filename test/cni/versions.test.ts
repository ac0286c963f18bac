import t from "tap";
import { CniError } from "../../src/cni/errors.ts";
import * as versions from "../../src/cni/versions.ts";

/** What an error says to the runtime. */
function failure(act: () => unknown): [code: number, msg: string, details: string] {
  try {
    act();
  } catch (error) {
    if (error instanceof CniError) return [error.code, error.msg, error.details];
    throw error;
  }
  throw new Error("nothing was thrown");
}

t.test("the versions", async (t) => {
  t.same(versions.all, ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"]);
  t.same(versions.legacy, ["0.1.0", "0.2.0"]);
  t.equal(versions.current, "1.1.0");
  t.same(versions.startingFrom("0.3.1"), ["0.3.1", "0.4.0", "1.0.0", "1.1.0"]);
  t.throws(
    () => versions.startingFrom("0.3.2" as "0.3.1"),
    new Error('Cannot list versions from "0.3.2": no such version'),
  );
});

t.test("parse", async (t) => {
  const cases: Record<string, number[]> = {
    "": [0, 1, 0],
    "1.2.3": [1, 2, 3],
    "1": [1, 0, 0],
    "1.2": [1, 2, 0],
    "0.-42.0": [0, -42, 0],
    "+1.007.0": [1, 7, 0],
    "0.0.9007199254740991": [0, 0, 9007199254740991],
  };
  for (const [text, triple] of Object.entries(cases)) t.same(versions.parse(text), triple, text);
});

t.test("what is no version", async (t) => {
  const atoi = (part: string, text: string, problem = "invalid syntax") =>
    `failed to convert ${part} version part "${text}": strconv.Atoi: parsing "${text}": ${problem}`;
  const cases: Record<string, string> = {
    asdfasdf: atoi("major", "asdfasdf"),
    "asdf.": atoi("major", "asdf"),
    ".asdfas": atoi("major", ""),
    "asdf.adsf.": atoi("major", "asdf"),
    "0.": atoi("minor", ""),
    "..": atoi("major", ""),
    "1.2.x": atoi("micro", "x"),
    "1.2.0-rc1": atoi("micro", "0-rc1"),
    "1. 2": atoi("minor", " 2"),
    "1.2.1e1": atoi("micro", "1e1"),
    "-": atoi("major", "-"),
    "9223372036854775808": atoi("major", "9223372036854775808", "value out of range"),
    "0.-9223372036854775809": atoi("minor", "-9223372036854775809", "value out of range"),
    "99999999999999999999": atoi("major", "99999999999999999999", "value out of range"),
    "1.2.3.4.5": 'invalid version "1.2.3.4.5": too many parts',
    "...": 'invalid version "...": too many parts',
  };
  for (const [text, message] of Object.entries(cases)) {
    t.throws(() => versions.parse(text), new Error(message), text);
  }
  t.doesNotThrow(() =>
    versions.parse("9223372036854775807.-9223372036854775808.00000000000000000001"),
  );
});

t.test("compare", async (t) => {
  const rising = [
    "0.0.9",
    "0.1.0",
    "0.3.0",
    "0.3.1",
    "0.4.0",
    "0.10.0",
    "1.0.0",
    "1.0.1",
    "10.0.0",
  ];
  rising.forEach((a, i) => {
    rising.forEach((b, j) => {
      t.equal(Math.sign(versions.compare(a, b)), Math.sign(i - j), `${a} ${b}`);
      t.equal(versions.isAtLeast(a, b), i >= j);
      t.equal(versions.isGreater(a, b), i > j);
    });
  });
  t.equal(versions.compare("1.0", "1.0.0"), 0);
  t.equal(versions.compare("", "0.1.0"), 0);
  t.throws(() => versions.compare("x", "y"), /"x"/);
  t.throws(() => versions.compare("1.0.0", "y"), /"y"/);
});

t.test("the version of a config", async (t) => {
  t.equal(versions.decodeConfigVersion({ cniVersion: "4.3.2" }), "4.3.2");
  t.equal(versions.decodeConfigVersion({ CNIVERSION: "4.3.2" }), "4.3.2");
  for (const config of [{}, { cniVersion: "" }, { cniVersion: null }, null]) {
    t.equal(versions.decodeConfigVersion(config), "0.1.0");
  }
  const prefix = "decoding version from network config: json: cannot unmarshal";
  t.same(
    failure(() => versions.decodeConfigVersion({ cniVersion: 1 })),
    [6, `${prefix} number into Go struct field .cniVersion of type string`, ""],
  );
  t.same(
    failure(() => versions.decodeConfigVersion([])),
    [
      6,
      `${prefix} array into Go value of type struct { CNIVersion string "json:\\"cniVersion\\"" }`,
      "",
    ],
  );
});

t.test("a plugin's answer to VERSION", async (t) => {
  t.same(
    versions.decodeVersionInfo(
      '{"cniVersion":"some-library-version","supportedVersions":["a","b"]}',
    ),
    { cniVersion: "some-library-version", supportedVersions: ["a", "b"] },
  );
  t.same(versions.decodeVersionInfo('{"cniVersion":"0.2.0"}').supportedVersions, [
    "0.1.0",
    "0.2.0",
  ]);
  t.same(
    versions.decodeVersionInfo('{"cniVersion":"0.2.0","supportedVersions":[]}').supportedVersions,
    ["0.1.0", "0.2.0"],
  );
  const cases: Record<string, string> = {
    "{{{": "invalid character '{' looking for beginning of object key string",
    "": "unexpected end of JSON input",
    "{}": "missing field cniVersion",
    '{"supportedVersions":["a"]}': "missing field cniVersion",
    '{"cniVersion":"0.3.0"}': "missing field supportedVersions",
    '{"cniVersion":1}':
      "json: cannot unmarshal number into Go struct field pluginInfo.cniVersion of type string",
  };
  for (const [text, why] of Object.entries(cases)) {
    t.throws(
      () => versions.decodeVersionInfo(text),
      new Error(`decoding version info: ${why}`),
      text,
    );
  }
});

t.test("the config's version must be in the list, to the letter", async (t) => {
  t.doesNotThrow(() => versions.requireSupported("0.1.0", ["0.1.0", "0.2.0"]));
  t.same(
    failure(() => versions.requireSupported("0.3.0", ["0.1.0", "0.2.0"])),
    [1, "incompatible CNI versions", 'config is "0.3.0", plugin supports ["0.1.0" "0.2.0"]'],
  );
  t.same(
    failure(() => versions.requireSupported("1.0", ["1.0.0"])),
    [1, "incompatible CNI versions", 'config is "1.0", plugin supports ["1.0.0"]'],
  );
});

t.test("which verbs a version allows", async (t) => {
  const { all, requireAllowed } = versions;
  const yes: [string, string, readonly string[]][] = [
    ["ADD", "0.1.0", all],
    ["DEL", "1.1.0", all],
    ["CHECK", "0.4.0", all],
    ["CHECK", "1.1.0", all],
    ["CHECK", "9.8.7", ["0.1.0", "9.8.7"]],
    ["GC", "1.1.0", all],
    ["STATUS", "1.1.0", all],
    // The first version that is not older decides; what comes after it is not looked at.
    ["CHECK", "0.4.0", ["0.4.0", "nonsense"]],
  ];
  for (const args of yes) t.doesNotThrow(() => requireAllowed(...args), args.join(" "));

  const atoi = (text: string) =>
    `failed to convert major version part "${text}": strconv.Atoi: parsing "${text}": invalid syntax`;
  const incompatible = (version: string, shown: string): [number, string, string] => [
    1,
    "incompatible CNI versions",
    `config is "${version}", plugin supports [${shown}]`,
  ];
  const shown = all.map((version) => `"${version}"`).join(" ");
  const no: [string, string, readonly string[], [number, string, string]][] = [
    ["ADD", "1.2.0", all, incompatible("1.2.0", shown)],
    ["ADD", "nonsense", ["0.1.0"], incompatible("nonsense", '"0.1.0"')],
    ["CHECK", "0.3.1", all, [1, "config version does not allow CHECK", ""]],
    ["CHECK", "0.4.0", ["0.2.0", "0.3.0"], [1, "plugin version does not allow CHECK", ""]],
    ["CHECK", "0.4.5", all, incompatible("0.4.5", shown)],
    ["CHECK", "nonsense", all, [6, atoi("nonsense"), ""]],
    ["CHECK", "0.4.0", ["bad", "0.4.0"], [6, atoi("bad"), ""]],
    ["GC", "1.0.0", all, [1, "config version does not allow GC", ""]],
    ["GC", "1.2.0", all, [1, "plugin version does not allow GC", ""]],
    ["STATUS", "1.0.0", all, [1, "config version does not allow STATUS", ""]],
    ["STATUS", "1.1.0", ["1.0.0"], [1, "plugin version does not allow STATUS", ""]],
  ];
  for (const [command, version, supported, expected] of no) {
    t.same(
      failure(() => requireAllowed(command, version, supported)),
      expected,
      `${command} ${version}`,
    );
  }
});
