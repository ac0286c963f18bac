/** The frame of a plugin call, as pkg/skel/skel_test.go has it, and where we go further. */
import t from "tap";
import type { AddCall, Call } from "../../src/cni/applet.ts";
import { CniError } from "../../src/cni/errors.ts";
import { emptyResult, type Result } from "../../src/cni/result.ts";
import { call, config, errorOf, fakePlugin } from "./support.ts";

const unset = (...names: string[]) => Object.fromEntries(names.map((name) => [name, ""]));

t.test("ADD delivers what the environment and stdin say, to add alone", async (t) => {
  const calls: AddCall<unknown>[] = [];
  const others: string[] = [];
  const fake = await fakePlugin({
    add: (given) => {
      calls.push(given);
      return emptyResult();
    },
    check: () => others.push("check"),
    del: () => others.push("del"),
  });
  const stdin = `{ "name": "net1", "cniVersion":"1.1.0", "some": "<key>" }\n`;
  const done = call(fake, { stdin, environ: { CNI_ARGS: "some;extra;args", CNI_PATH: "/a:/b" } });
  t.equal(done.status, 0);
  t.equal(done.stdout, '{\n    "cniVersion": "1.1.0"\n}');
  t.equal(done.stderr, "");
  t.same(others, []);
  const [given] = calls;
  t.equal(calls.length, 1);
  t.match(given, {
    network: "net1",
    cniVersion: "1.1.0",
    cniArgs: "some;extra;args",
    path: ["/a", "/b"],
    attachment: { containerId: "some-container-id", ifName: "eth0", netns: "/some/netns/path" },
  });
  t.equal(new TextDecoder().decode(given?.stdin), stdin);
});

t.test("each verb needs its variables", async (t) => {
  const fake = await fakePlugin();
  const all = ["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_PATH"];
  const needed: Record<string, string[]> = {
    ADD: all,
    CHECK: all,
    DEL: all.filter((name) => name !== "CNI_NETNS"),
    GC: ["CNI_PATH"],
    STATUS: ["CNI_PATH"],
    VERSION: [],
  };
  for (const [command, names] of Object.entries(needed)) {
    for (const name of [...all, "CNI_ARGS", "CNI_NETNS_OVERRIDE"]) {
      const done = call(fake, { environ: { CNI_COMMAND: command, ...unset(name) } });
      if (!names.includes(name)) t.equal(done.status, 0, `${command} goes without ${name}`);
      else {
        const msg = `required env variables [${name}] missing`;
        t.same(errorOf(done), { code: 4, msg }, `${command} without ${name}`);
        t.equal(done.reads, 0);
      }
    }
    if (names.length > 0) {
      const done = call(fake, { environ: { CNI_COMMAND: command, ...unset(...all) } });
      t.equal(errorOf(done).msg, `required env variables [${names}] missing`);
    }
  }
});

t.test("a value that is wrong is reported before one that is missing", async (t) => {
  const fake = await fakePlugin();
  const id = call(fake, { environ: { CNI_CONTAINERID: "some-%%container-id", CNI_NETNS: "" } });
  t.same(errorOf(id), {
    code: 4,
    msg: "invalid characters in containerID",
    details: "some-%%container-id",
  });
  const name = call(fake, { environ: { CNI_IFNAME: "1234567890123456" } });
  t.same(errorOf(name), {
    code: 4,
    msg: "interface name is too long",
    details: "interface name should be less than 16 characters",
  });
});

t.test("VERSION reads no stdin and calls nobody", async (t) => {
  const never = () => t.fail("a verb was called");
  const fake = await fakePlugin({ del: never, check: never, gc: never, status: never });
  const done = call(fake, {
    environ: { CNI_COMMAND: "VERSION", ...unset("CNI_PATH", "CNI_CONTAINERID") },
    stdin: new Error("must not be read"),
  });
  t.match(done, { status: 0, reads: 0, stderr: "" });
  const versions = '["0.1.0","0.2.0","0.3.0","0.3.1","0.4.0","1.0.0","1.1.0"]';
  t.equal(done.stdout, `{"cniVersion":"1.1.0","supportedVersions":${versions}}\n`);
});

t.test("without a command it says what it is, on stderr, and succeeds", async (t) => {
  const done = call(await fakePlugin(), { environ: unset("CNI_COMMAND", "CNI_PATH") });
  t.match(done, { status: 0, stdout: "", reads: 0 });
  const lines = done.stderr.split("\n");
  t.match(lines[0], /^CNI fake plugin v\d+\.\d+\.\d+\+cnibox\.\d+\.\d+\.\d+$/);
  t.equal(
    lines[1],
    "CNI protocol versions supported: 0.1.0, 0.2.0, 0.3.0, 0.3.1, 0.4.0, 1.0.0, 1.1.0",
  );
  t.equal(lines.length, 3);
});

t.test("an unknown command is refused, but after the config", async (t) => {
  const fake = await fakePlugin();
  const environ = { CNI_COMMAND: "NOPE" };
  t.same(errorOf(call(fake, { environ })), { code: 4, msg: "unknown CNI_COMMAND: NOPE" });
  t.equal(errorOf(call(fake, { environ, stdin: "" })).code, 6);
  t.equal(errorOf(call(fake, { environ: { CNI_COMMAND: "toString" } })).code, 4);
  t.equal(errorOf(call(fake, { environ: { CNI_COMMAND: "add" } })).code, 4);
});

t.test("the config must be there, be JSON, and name the network", async (t) => {
  const fake = await fakePlugin({ add: () => t.fail("add was called") as never });
  const cases: [string | object | Error, object][] = [
    [new Error("banana"), { code: 5, msg: "error reading from stdin: banana" }],
    ["", { code: 6, msg: "error unmarshall network config: unexpected end of JSON input" }],
    [
      "{,}",
      {
        code: 6,
        msg: "error unmarshall network config: invalid character ',' looking for beginning of object key string",
      },
    ],
    [
      "\ufeff{}",
      {
        code: 6,
        msg: "error unmarshall network config: invalid character 'ï' looking for beginning of value",
      },
    ],
    ["{}", { code: 7, msg: "missing network name" }],
    ["null", { code: 7, msg: "missing network name" }],
    ['{"name": null}', { code: 7, msg: "missing network name" }],
    [
      { name: "te%%st" },
      { code: 7, msg: "invalid characters found in network name", details: "te%%st" },
    ],
    [
      { name: 5 },
      {
        code: 6,
        msg: "error unmarshall network config: json: cannot unmarshal number into Go struct field .name of type string",
      },
    ],
    [
      { name: "n", cniVersion: 1 },
      {
        code: 6,
        msg: "decoding version from network config: json: cannot unmarshal number into Go struct field .cniVersion of type string",
      },
    ],
  ];
  for (const [stdin, error] of cases) {
    t.same(errorOf(call(fake, { stdin })), error, JSON.stringify(stdin));
  }
});

t.test("versions: who is served", async (t) => {
  const verbs: string[] = [];
  const record = (verb: string) => () => {
    verbs.push(verb);
  };
  const fake = await fakePlugin({
    check: record("CHECK"),
    del: record("DEL"),
    gc: record("GC"),
    status: record("STATUS"),
  });
  const ask = (command: string, cniVersion: string | undefined) => {
    const done = call(fake, {
      environ: { CNI_COMMAND: command },
      stdin: { name: "n", cniVersion, "cni.dev/valid-attachments": [] },
    });
    return done.status === 0 ? verbs.pop() : errorOf(done);
  };
  const all = '["0.1.0" "0.2.0" "0.3.0" "0.3.1" "0.4.0" "1.0.0" "1.1.0"]';
  const incompatible = (version: string) => ({
    code: 1,
    msg: "incompatible CNI versions",
    details: `config is "${version}", plugin supports ${all}`,
  });
  t.equal(ask("DEL", undefined), "DEL", "0.1.0 is meant where there is none");
  t.equal(ask("DEL", ""), "DEL");
  t.same(ask("DEL", "1.0"), incompatible("1.0"));
  t.same(ask("DEL", "1.2.0"), incompatible("1.2.0"));
  t.same(ask("CHECK", "0.4.5"), incompatible("0.4.5"));
  for (const [command, first, before] of [
    ["CHECK", "0.4.0", "0.3.1"],
    ["GC", "1.1.0", "1.0.0"],
    ["STATUS", "1.1.0", "1.0.0"],
  ] as const) {
    t.equal(ask(command, first), command);
    t.same(ask(command, before), { code: 1, msg: `config version does not allow ${command}` });
    t.same(ask(command, "1.2.0"), { code: 1, msg: `plugin version does not allow ${command}` });
    t.equal((ask(command, "banana") as { code: number }).code, 6);
  }
});

t.test("a verb that the plugin lacks succeeds in silence", async (t) => {
  const fake = await fakePlugin();
  for (const command of ["CHECK", "GC", "STATUS"]) {
    const done = call(fake, {
      environ: { CNI_COMMAND: command },
      stdin: { ...config, "cni.dev/valid-attachments": [] },
    });
    t.match(done, { status: 0, stdout: "", stderr: "" }, command);
  }
});

t.test("errors: a CNI error stays as it is, any other is 999", async (t) => {
  const failWith = async (error: unknown) =>
    call(
      await fakePlugin({
        add: () => {
          throw error;
        },
      }),
    );
  const own = await failWith(CniError.of(1234, "insufficient <&>", "some details"));
  t.equal(
    own.stdout,
    '{\n    "code": 1234,\n    "msg": "insufficient \\u003c\\u0026\\u003e",\n    "details": "some details"\n}',
  );
  t.equal(own.stderr, "");
  t.same(errorOf(await failWith(CniError.of(0, "zero"))), { code: 0, msg: "zero" });
  t.same(errorOf(await failWith(new Error("potato"))), { code: 999, msg: "potato" });
  t.same(errorOf(await failWith("a string")), { code: 999, msg: "a string" });

  const defect = await failWith(new TypeError("x is not a function"));
  t.same(errorOf(defect), { code: 999, msg: "x is not a function" });
  t.match(
    defect.stderr,
    /^fake: TypeError: x is not a function\n +at .*skel.test/,
    "the stack is on stderr",
  );
});

t.test("a failed ADD is undone, last step first, and says what could not be", async (t) => {
  const log: string[] = [];
  const fake = await fakePlugin({
    add({ undo }) {
      undo.push("take one back", () => log.push("one"));
      undo.push("take two back", () => {
        throw new Error("it is stuck");
      });
      undo.push("take three back", () => log.push("three"));
      throw new CniError("TryAgainLater", "not now");
    },
  });
  const done = call(fake);
  t.same(errorOf(done), { code: 11, msg: "not now" }, "the error is the verb's own");
  t.same(log, ["three", "one"]);
  t.equal(done.stderr, "fake: Cannot take two back: it is stuck\n");
});

t.test("ADD is undone also where its result cannot be converted or written", async (t) => {
  const log: string[] = [];
  const fake = await fakePlugin({
    add({ undo }) {
      undo.push("take it back", () => log.push("undone"));
      return emptyResult();
    },
  });
  const old = call(fake, { stdin: { name: "n", cniVersion: "0.2.0" } });
  t.same(errorOf(old), { code: 999, msg: "cannot convert: no valid IP addresses" });
  t.same(log, ["undone"]);

  const broken = call(fake, { stdoutError: new Error("EPIPE: broken pipe, write") });
  t.match(broken, { status: 1, stdout: "" });
  t.match(broken.stderr, /Cannot print the error: EPIPE: broken pipe, write/);
  t.same(log, ["undone", "undone"]);

  t.equal(call(fake).status, 0);
  t.same(log, ["undone", "undone"], "a good ADD is not undone");
});

t.test("prevResult is decoded when it is looked at", async (t) => {
  let seen: Result | undefined;
  const look = (given: Call<unknown> & { readonly prevResult?: Result }) => {
    seen = given.prevResult;
    t.equal(given.prevResult, seen, "once");
    return emptyResult();
  };
  const looking = await fakePlugin({ add: look, del: look, check: look });
  const blind = await fakePlugin();
  const good = { ...config, prevResult: { interfaces: [{ name: "eth0" }] } };
  t.equal(call(looking, { stdin: good }).status, 0);
  t.match(seen, { cniVersion: "1.1.0", interfaces: [{ name: "eth0" }] });
  const old = { ...good, cniVersion: "0.4.0" };
  t.equal(call(looking, { stdin: old, environ: { CNI_COMMAND: "CHECK" } }).status, 0);
  t.match(seen, { cniVersion: "1.1.0", interfaces: [{ name: "eth0" }] }, "in the newest model");
  t.equal(call(looking, { stdin: { ...config, PREVRESULT: null } }).status, 0);
  t.equal(seen, undefined);

  const bad = { ...config, prevResult: { cniVersion: "0.2.0" } };
  t.match(errorOf(call(looking, { stdin: bad })), {
    code: 6,
    msg: /^could not parse prevResult: /,
  });
  t.equal(call(blind, { stdin: bad }).status, 0);
  const del = call(looking, { stdin: bad, environ: { CNI_COMMAND: "DEL" } });
  t.equal(del.status, 0, "DEL goes on without");
  t.match(del.stderr, /^fake: going on without prevResult: could not parse prevResult/);
  t.equal(seen, undefined);
});

t.test("GC is told which attachments are valid", async (t) => {
  let valid: unknown;
  const fake = await fakePlugin({
    gc: (given) => {
      valid = given.valid;
    },
  });
  const gc = (keys: object | string) => {
    valid = "not called";
    const stdin = typeof keys === "string" ? keys : { ...config, ...keys };
    const done = call(fake, { stdin, environ: { CNI_COMMAND: "GC", CNI_CONTAINERID: "" } });
    return done.status === 0 ? valid : errorOf(done);
  };
  const a = { containerID: "a", ifname: "eth0" };
  const b = { containerID: "b", ifname: "eth1" };
  const [wantA, wantB] = [a, b].map(({ containerID, ifname }) => ({
    containerId: containerID,
    ifName: ifname,
  }));
  t.same(gc({ "cni.dev/valid-attachments": [a, b] }), [wantA, wantB]);
  t.same(gc({ "cni.dev/attachments": [b] }), [wantB], "the older key");
  t.same(
    gc({ "cni.dev/valid-attachments": [a], "cni.dev/attachments": [b] }),
    [wantA, wantB],
    "what either key names is kept",
  );
  t.same(gc({ "cni.dev/valid-attachments": [{ ContainerID: "a", IFName: "eth0" }] }), [wantA]);
  t.same(gc({ "cni.dev/valid-attachments": [] }), [], "an empty list: none is valid");
  t.same(gc({ "cni.dev/valid-attachments": null }), [], "null is Go's empty list");
  t.equal(gc({}), "not called", "the runtime did not say: nothing is collected");
  t.match(gc({ "cni.dev/valid-attachments": [{ containerID: "a" }] }), { code: 7 });
  t.equal(valid, "not called", "an entry that cannot be read collects nothing");
});

t.test("a config of megabytes", async (t) => {
  const fake = await fakePlugin();
  const done = call(fake, { stdin: { ...config, filler: "x".repeat(5_000_000) } });
  t.equal(done.status, 0);
});
