import t from "tap";
import * as env from "../../src/cni/env.ts";
import { CniError } from "../../src/cni/errors.ts";

const full = {
  CNI_COMMAND: "ADD",
  CNI_CONTAINERID: "some-container-id",
  CNI_NETNS: "/some/netns/path",
  CNI_IFNAME: "eth0",
  CNI_ARGS: "some;extra;args",
  CNI_PATH: "/some/cni/path:/other",
};

function failure(act: () => unknown): [code: number, msg: string, details: string] {
  try {
    act();
  } catch (error) {
    if (error instanceof CniError) return [error.code, error.msg, error.details];
    throw error;
  }
  throw new Error("nothing was thrown");
}

function without(...names: string[]): Record<string, string> {
  return Object.fromEntries(Object.entries(full).filter(([name]) => !names.includes(name)));
}

t.test("everything that is set is read", async (t) => {
  t.same(env.readEnvironment(full), {
    command: "ADD",
    containerId: "some-container-id",
    netns: "/some/netns/path",
    ifName: "eth0",
    args: "some;extra;args",
    path: ["/some/cni/path", "/other"],
    netnsOverride: false,
  });
});

t.test("each command with each variable missing, unset or empty", async (t) => {
  const needed: Record<string, string[]> = {
    ADD: ["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_PATH"],
    CHECK: ["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_PATH"],
    DEL: ["CNI_CONTAINERID", "CNI_IFNAME", "CNI_PATH"],
    GC: ["CNI_PATH"],
    STATUS: ["CNI_PATH"],
    VERSION: [],
    NOPE: [],
    add: [],
  };
  for (const [command, names] of Object.entries(needed)) {
    const optional = Object.keys(full).filter(
      (name) => name !== "CNI_COMMAND" && !names.includes(name),
    );
    const least = { ...without(...optional), CNI_COMMAND: command };
    t.equal(env.readEnvironment(least).command, command);
    for (const name of names) {
      const expected = [4, `required env variables [${name}] missing`, ""];
      t.same(
        failure(() => env.readEnvironment({ ...without(name), CNI_COMMAND: command })),
        expected,
      );
      t.same(
        failure(() => env.readEnvironment({ ...full, CNI_COMMAND: command, [name]: "" })),
        expected,
      );
    }
    if (names.length > 0) {
      t.same(
        failure(() => env.readEnvironment({ CNI_COMMAND: command })),
        [4, `required env variables [${names.join(",")}] missing`, ""],
      );
    }
  }
});

t.test("without a command that alone is missed", async (t) => {
  const isMissingCommand = (environ: Record<string, string>) => {
    try {
      env.readEnvironment(environ);
    } catch (error) {
      return error instanceof env.MissingCommand;
    }
    return undefined;
  };
  const nobody = [
    {},
    without("CNI_COMMAND"),
    { ...full, CNI_COMMAND: "", CNI_IFNAME: "a/b" },
  ] as Record<string, string>[];
  for (const environ of nobody) {
    t.equal(isMissingCommand(environ), true);
    t.same(
      failure(() => env.readEnvironment(environ)),
      [4, "required env variables [CNI_COMMAND] missing", ""],
    );
  }
  t.equal(isMissingCommand({ CNI_COMMAND: "ADD" }), false);
  t.equal(isMissingCommand(full), undefined);
});

t.test("a wrong value is reported before a missing one", async (t) => {
  t.same(
    failure(() => env.readEnvironment({ CNI_COMMAND: "ADD", CNI_CONTAINERID: "!" })),
    [4, "invalid characters in containerID", "!"],
  );
  t.same(
    failure(() => env.readEnvironment({ CNI_COMMAND: "ADD", CNI_IFNAME: "a/b" })),
    [4, "interface name contains / or : or whitespace characters", ""],
  );
});

t.test("values are checked only where they are needed", async (t) => {
  const odd = { CNI_CONTAINERID: "!", CNI_IFNAME: "a/b", CNI_PATH: "/x" };
  for (const command of ["GC", "STATUS", "VERSION", "NOPE"]) {
    const read = env.readEnvironment({ ...odd, CNI_COMMAND: command });
    t.same([read.containerId, read.ifName], ["!", "a/b"], command);
  }
});

t.test("CNI_NETNS_OVERRIDE", async (t) => {
  for (const value of ["1", "true", "TRUE", "tRuE"]) {
    t.ok(env.readEnvironment({ ...full, CNI_NETNS_OVERRIDE: value }).netnsOverride, value);
  }
  for (const value of ["", "0", "yes", "01", "t", " 1", "1 "]) {
    t.notOk(env.readEnvironment({ ...full, CNI_NETNS_OVERRIDE: value }).netnsOverride, value);
  }
});

t.test("splitPath", async (t) => {
  t.same(env.splitPath(""), []);
  t.same(env.splitPath("/a"), ["/a"]);
  t.same(env.splitPath("/a::/b:"), ["/a", "", "/b", ""]);
});

const identifiers = ["a", "0", "A.b_c-d", "a-", "x".repeat(300)];
const notIdentifiers = [
  "-a",
  "_a",
  ".a",
  "a b",
  "te%%st",
  "a/b",
  "a\n",
  "\na",
  "é",
  "a\u0000",
  "a:b",
  " ",
];

t.test("container ids", async (t) => {
  for (const id of identifiers) t.doesNotThrow(() => env.checkContainerId(id));
  t.same(
    failure(() => env.checkContainerId("")),
    [3, "missing containerID", ""],
  );
  for (const id of notIdentifiers) {
    t.same(
      failure(() => env.checkContainerId(id)),
      [4, "invalid characters in containerID", id],
    );
  }
});

t.test("network names", async (t) => {
  for (const name of identifiers) t.doesNotThrow(() => env.checkNetworkName(name));
  t.same(
    failure(() => env.checkNetworkName("")),
    [7, "missing network name:", ""],
  );
  for (const name of notIdentifiers) {
    t.same(
      failure(() => env.checkNetworkName(name)),
      [7, "invalid characters found in network name", name],
    );
  }
});

t.test("the network's name in a config", async (t) => {
  t.equal(env.decodeNetworkName({ name: "a" }), "a");
  t.equal(env.decodeNetworkName({ NAME: "a" }), "a");
  for (const config of [{}, { name: "" }, { name: null }, null]) {
    t.same(
      failure(() => env.decodeNetworkName(config)),
      [7, "missing network name", ""],
    );
  }
  t.same(
    failure(() => env.decodeNetworkName({ name: "te%%st" })),
    [7, "invalid characters found in network name", "te%%st"],
  );
  const prefix = "error unmarshall network config: json: cannot unmarshal";
  t.same(
    failure(() => env.decodeNetworkName({ name: 1 })),
    [6, `${prefix} number into Go struct field .name of type string`, ""],
  );
  // As a plugin of the reference says it.
  t.same(
    failure(() => env.decodeNetworkName([1])),
    [6, `${prefix} array into Go value of type struct { Name string "json:\\"name\\"" }`, ""],
  );
});

t.test("interface names", async (t) => {
  for (const name of [
    "a",
    "eth0",
    "exactly15bytes_",
    "...",
    "a.b",
    "-",
    "ééééééé",
    "\ufeffa",
    "a\0b",
  ]) {
    t.doesNotThrow(() => env.checkInterfaceName(name), encodeURI(name));
  }
  const long = [
    4,
    "interface name is too long",
    "interface name should be less than 16 characters",
  ];
  const character = [4, "interface name contains / or : or whitespace characters", ""];
  t.same(
    failure(() => env.checkInterfaceName("")),
    [4, "interface name is empty", ""],
  );
  for (const name of ["sixteen_bytes_xx", "éééééééé", "😀😀😀😀"]) {
    t.same(
      failure(() => env.checkInterfaceName(name)),
      long,
      name,
    );
  }
  t.same(
    failure(() => env.checkInterfaceName("a/b".repeat(6))),
    long,
    "length comes first",
  );
  for (const name of [".", ".."]) {
    t.same(
      failure(() => env.checkInterfaceName(name)),
      [4, "interface name is . or ..", ""],
      name,
    );
  }
  const spaces =
    "\t\n\v\f\r \u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a" +
    "\u2028\u2029\u202f\u205f\u3000";
  for (const odd of [..."/:", ...spaces]) {
    t.same(
      failure(() => env.checkInterfaceName(`a${odd}b`)),
      character,
      encodeURI(odd),
    );
  }
  t.same(
    failure(() => env.checkInterfaceName("eth0\n")),
    character,
  );
});
