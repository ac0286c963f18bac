/** ADD, CHECK and DEL of lists: who is called with what, and what is left behind. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { CniError } from "../../src/cni/errors.ts";
import { PluginCrash } from "../../src/cni/plugin-process.ts";
import { CheckNotSupportedError, cniErrorOf } from "../../src/libcni/errors.ts";
import { addList, checkList, delList } from "../../src/libcni/lists.ts";
import { parsePlugin } from "../../src/libcni/plugin-config.ts";
import { addNetwork, checkNetwork, delNetwork } from "../../src/libcni/single.ts";
import {
  about,
  bytes,
  type Call,
  drive,
  driveToFailure,
  listOf,
  printed,
  runtimeWith,
} from "./support.ts";

const three = listOf({
  name: "net",
  cniVersion: "1.1.0",
  plugins: [
    { type: "one", capabilities: { mac: true, ips: false, none: true }, x: 1, name: "own" },
    {
      type: "two",
      capabilities: { none: true },
      prevResult: { cniVersion: "1.0.0" },
      runtimeConfig: { kept: 1 },
    },
    { type: "three", capabilities: { mac: true }, runtimeConfig: { replaced: 1 } },
  ],
});
const capabilityArgs = { mac: "02:00:00:00:00:01", ips: ["10.1.2.3"], other: 1 };
/** Each plugin has an address of its own. */
const adding = ({ type, command }: Call) =>
  command === "ADD"
    ? printed({ one: "10.0.0.1/8", two: "10.0.0.2/8", three: "10.0.0.3/8" }[type] ?? "")
    : "";
const said = (calls: Call[]) => calls.map(({ command, type }) => `${command} ${type}`);
const cached = (runtime: { cacheDirectory: string }) =>
  join(runtime.cacheDirectory, "results/net-c1-eth0");

t.test("ADD: each plugin gets the result before, name, version and its capabilities", async (t) => {
  const { runtime, bin } = runtimeWith(t, "one", "two", "three");
  const args = [
    ["A", "b"],
    ["C", "d"],
  ] as const;
  const { calls, value } = drive(
    addList(runtime, three, { ...about, args, capabilityArgs }),
    adding,
  );
  t.same(said(calls), ["ADD one", "ADD two", "ADD three"]);
  t.same(calls[0]?.stdin, {
    capabilities: { ips: false, mac: true, none: true },
    cniVersion: "1.1.0",
    name: "net",
    runtimeConfig: { mac: capabilityArgs.mac },
    type: "one",
    x: 1,
  });
  t.match(calls[1]?.stdin, {
    name: "net",
    prevResult: { cniVersion: "1.1.0", ips: [{ address: "10.0.0.1/8" }] },
  });
  t.same(calls[1]?.stdin.runtimeConfig, { kept: 1 });
  t.match(calls[2]?.stdin, { prevResult: { ips: [{ address: "10.0.0.2/8" }] } });
  t.same(calls[2]?.stdin.runtimeConfig, { mac: capabilityArgs.mac });
  t.same(calls[0]?.environ, {
    HOME: "/root",
    CNI_COMMAND: "ADD",
    CNI_CONTAINERID: "c1",
    CNI_NETNS: "/run/netns/c1",
    CNI_IFNAME: "eth0",
    CNI_ARGS: "A=b;C=d",
    CNI_PATH: bin,
  });
  t.match(value, { cniVersion: "1.1.0", ips: [{ address: { prefixLength: 8 } }] });
  const file = JSON.parse(readFileSync(cached(runtime), "utf8"));
  t.match(file, { kind: "cniCacheV1", result: { ips: [{ address: "10.0.0.3/8" }] } });
  t.equal(Buffer.from(file.config, "base64").toString(), new TextDecoder().decode(three.bytes));
});

t.test("ADD: a result keeps its plugin's version, also as prevResult", async (t) => {
  const { runtime } = runtimeWith(t, "one", "two");
  const list = listOf({
    name: "net",
    cniVersion: "1.0.0",
    plugins: [{ type: "one" }, { type: "two" }],
  });
  const old = '{"cniVersion":"0.3.1","ips":[{"version":"4","address":"10.0.0.1/8"}]}';
  const { calls, value } = drive(addList(runtime, list, about), ({ type }) =>
    type === "one" ? old : '{"cniVersion":"","ips":[{"address":"10.0.0.2/8"}]}',
  );
  t.match(calls[1]?.stdin.prevResult, JSON.parse(old));
  t.equal(value?.cniVersion, "1.0.0", "one without a version has the list's");
});

t.test("ADD of an empty list is cached too", async (t) => {
  const { runtime } = runtimeWith(t);
  t.equal(drive(addList(runtime, listOf({ name: "net" }), about)).value, undefined);
  t.notMatch(JSON.parse(readFileSync(cached(runtime), "utf8")), { result: /./ });
});

t.test(
  "ADD: all plugins are found, and all names checked, before the first is called",
  async (t) => {
    const { runtime, bin } = runtimeWith(t, "one", "two");
    const cases: [object, string, number | undefined][] = [
      [
        about,
        `plugin type="three" failed (add): failed to find plugin "three" in path [${bin}]`,
        undefined,
      ],
    ];
    for (const [given, message] of cases) {
      const { calls, error } = driveToFailure(
        addList(runtime, three, { ...about, ...given }),
        adding,
      );
      t.same(calls, []);
      t.equal(error.message, message);
    }
    writeFileSync(join(bin, "three"), "");
    const wrong: [object, string, number][] = [
      [{ containerId: "" }, "missing containerID", 3],
      [{ containerId: "a/b" }, "invalid characters in containerID; a/b", 4],
      [{ ifName: "" }, "interface name is empty", 4],
    ];
    for (const [given, message, code] of wrong) {
      const { calls, error } = driveToFailure(
        addList(runtime, three, { ...about, ...given }),
        adding,
      );
      t.same(calls, []);
      t.equal(error.message, `plugin type="one" name="own" failed (add): ${message}`);
      t.equal(cniErrorOf(error)?.code, code);
    }
    const named = { ...three, name: "a/b" };
    t.equal(cniErrorOf(driveToFailure(addList(runtime, named, about)).error)?.code, 7);
  },
);

t.test("a failed ADD stops, caches nothing, and leaves the rest to DEL", async (t) => {
  const { runtime } = runtimeWith(t, "one", "two", "three");
  const failure = new CniError(11, "try again", "soon");
  const failing = (call: Call) => (call.type === "two" ? failure : adding(call));
  const { calls, error } = driveToFailure(addList(runtime, three, about), failing);
  t.same(said(calls), ["ADD one", "ADD two"]);
  t.equal(error.message, 'plugin type="two" failed (add): try again; soon');
  t.equal(cniErrorOf(error), failure);
  t.notOk(existsSync(cached(runtime)));
});

t.test("a failed ADD is rolled back where that is asked for", async (t) => {
  const { runtime, warnings } = runtimeWith(t, "one", "two", "three");
  const failWith = (error: Error, onDel = "") =>
    driveToFailure(addList(runtime, three, about, { rollback: true }), (call) => {
      if (call.command === "DEL") return call.type === onDel ? new Error("stuck") : "";
      return call.type === "three" ? error : adding(call);
    });
  const told = failWith(new CniError(999, "no"));
  t.same(
    said(told.calls).slice(3),
    ["DEL two", "DEL one"],
    "who reports an error cleans up itself",
  );
  t.match(told.calls[3]?.stdin.prevResult, { ips: [{ address: "10.0.0.2/8" }] });
  t.match(told.error.message, /three.*: no$/);

  const crashed = failWith(new PluginCrash("Unknown", "crash"), "two");
  t.same(said(crashed.calls).slice(3), ["DEL three", "DEL two", "DEL one"]);
  t.same(warnings, ['Cannot undo the ADD of plugin type="two": stuck']);
  t.notOk(existsSync(cached(runtime)));

  rmSync(runtime.cacheDirectory, { recursive: true });
  writeFileSync(runtime.cacheDirectory, "");
  const uncached = driveToFailure(addList(runtime, three, about, { rollback: true }), adding);
  t.same(said(uncached.calls).slice(3), ["DEL three", "DEL two", "DEL one"]);
  t.match(uncached.error, { name: "CacheError", result: undefined });
});

t.test("a result that cannot be cached goes with the error", async (t) => {
  const { runtime } = runtimeWith(t, "one", "two", "three");
  writeFileSync(join(runtime.cacheDirectory, "results"), "");
  const { error } = driveToFailure(addList(runtime, three, about), adding);
  t.match(error, { name: "CacheError", result: { ips: [{ address: { prefixLength: 8 } }] } });
  t.match(error.message, /^failed to set network "net" cached result: Cannot /);
});

t.test("what is no result", async (t) => {
  const { runtime } = runtimeWith(t, "one");
  const list = listOf({ name: "net", cniVersion: "1.0.0", plugins: [{ type: "one" }] });
  const cases: [string, string][] = [
    ["", "failed to unmarshal raw result: unexpected end of JSON input"],
    [
      "[]",
      "failed to unmarshal raw result: json: cannot unmarshal array into Go value of type map[string]interface {}",
    ],
    ['{"cniVersion":"7.0.0"}', 'unsupported CNI result version "7.0.0"'],
    ['{"ips":[{"address":"x"}]}', "invalid CIDR address: x"],
  ];
  for (const [text, message] of cases) {
    const { error } = driveToFailure(addList(runtime, list, about), () => text);
    t.equal(error.message, `plugin type="one" failed (add): ${message}`);
  }
});

t.test("CHECK: all get the cached result, in the version of the list", async (t) => {
  const { runtime } = runtimeWith(t, "one", "two", "three");
  drive(addList(runtime, { ...three, cniVersion: "1.0.0" }, about), adding);
  const { calls } = drive(checkList(runtime, three, { ...about, capabilityArgs }));
  t.same(said(calls), ["CHECK one", "CHECK two", "CHECK three"]);
  for (const { stdin } of calls) {
    t.match(stdin.prevResult, { cniVersion: "1.1.0", ips: [{ address: "10.0.0.3/8" }] });
  }
  t.match(calls[0]?.stdin, { runtimeConfig: { mac: capabilityArgs.mac } });

  const failed = driveToFailure(checkList(runtime, three, about), ({ type }) =>
    type === "two" ? new CniError(123, "gone") : "",
  );
  t.match(failed, { calls: { length: 2 }, error: { message: "gone", code: 123 } });
});

t.test("CHECK: without a cached result, with a damaged one, and not at all", async (t) => {
  const { runtime } = runtimeWith(t, "one", "two", "three");
  const { calls } = drive(
    checkList(
      runtime,
      listOf({ name: "net", cniVersion: "0.4.0", plugins: [{ type: "one" }] }),
      about,
    ),
  );
  t.notOk("prevResult" in (calls[0]?.stdin ?? {}));

  mkdirSync(join(runtime.cacheDirectory, "results"));
  writeFileSync(cached(runtime), "");
  t.equal(
    driveToFailure(checkList(runtime, three, about)).error.message,
    'failed to get network "net" cached result: decoding version from network config: unexpected end of JSON input',
  );
  t.same(drive(checkList(runtime, { ...three, disableCheck: true }, about)).calls, []);
  const old = driveToFailure(
    checkList(runtime, { ...three, cniVersion: "0.3.1", disableCheck: true }, about),
  );
  t.ok(old.error instanceof CheckNotSupportedError);
  t.equal(old.error.message, 'configuration version "0.3.1" does not support the CHECK command');
  t.match(
    driveToFailure(checkList(runtime, { ...three, cniVersion: "x" }, about)).error.message,
    /Atoi/,
  );
});

t.test("DEL: last plugin first, with the cached result, which then goes", async (t) => {
  const { runtime } = runtimeWith(t, "one", "two", "three");
  drive(addList(runtime, three, about), adding);
  const { calls } = drive(delList(runtime, three, { ...about, netns: "" }));
  t.same(said(calls), ["DEL three", "DEL two", "DEL one"]);
  for (const { stdin } of calls) t.match(stdin.prevResult, { ips: [{ address: "10.0.0.3/8" }] });
  t.equal(calls[0]?.environ.CNI_NETNS, "");
  t.same(readdirSync(join(runtime.cacheDirectory, "results")), []);
  const again = drive(delList(runtime, three, about));
  t.equal(again.calls.length, 3);
  t.same(again.calls[2]?.stdin.prevResult, undefined);
});

t.test("DEL: versions before 0.4.0 have no prevResult", async (t) => {
  const { runtime } = runtimeWith(t, "one");
  const list = listOf({ name: "net", cniVersion: "0.3.1", plugins: [{ type: "one" }] });
  drive(addList(runtime, list, about), () => '{"ips":[{"version":"4","address":"10.0.0.1/8"}]}');
  const { calls } = drive(delList(runtime, list, about));
  t.notOk("prevResult" in (calls[0]?.stdin ?? {}));
  t.notOk(existsSync(cached(runtime)));
});

t.test(
  "DEL goes on after a failure, reports all, and keeps the result for the next try",
  async (t) => {
    const { runtime, bin } = runtimeWith(t, "one", "two", "three");
    drive(addList(runtime, three, about), adding);
    const one = driveToFailure(delList(runtime, three, about), ({ type }) =>
      type === "three" ? new CniError(5, "disk") : "",
    );
    t.same(said(one.calls), ["DEL three", "DEL two", "DEL one"]);
    t.equal(one.error.message, 'plugin type="three" failed (delete): disk');
    t.ok(existsSync(cached(runtime)));

    rmSync(join(bin, "two"));
    const two = driveToFailure(delList(runtime, three, about), ({ type }) =>
      type === "three" ? new CniError(5, "disk") : "",
    );
    t.same(said(two.calls), ["DEL three", "DEL one"]);
    t.equal(
      two.error.message,
      `plugin type="three" failed (delete): disk
plugin type="two" failed (delete): failed to find plugin "two" in path [${bin}]`,
    );
    t.equal(cniErrorOf(two.error)?.code, 5);
  },
);

t.test("DEL: a damaged result is no obstacle", async (t) => {
  const { runtime, warnings } = runtimeWith(t, "one", "two", "three");
  mkdirSync(join(runtime.cacheDirectory, "results"));
  for (const content of [
    "",
    "{",
    '{"cniVersion":"0.4567.0"}',
    '{"kind":"cniCacheV1","result":{}}',
  ]) {
    writeFileSync(cached(runtime), content);
    const { calls } = drive(delList(runtime, three, about));
    t.equal(calls.length, 3, content);
    t.same(calls[0]?.stdin.prevResult, undefined);
  }
  t.match(warnings[0], /^going on without the cached result: decoding version .*unexpected end/);
  t.equal(warnings.length, 4);
  const bad = driveToFailure(delList(runtime, three, { ...about, containerId: "../x" }));
  t.match(bad, { calls: [], error: { code: 4 } });
});

t.test("a plugin that the path lacks may be built in", async (t) => {
  const { runtime } = runtimeWith(t);
  const list = listOf({ name: "net", cniVersion: "1.0.0", plugins: [{ type: "one" }] });
  const steps = addList(
    { ...runtime, path: [], hasBuiltIn: (type) => type === "one" },
    list,
    about,
  );
  t.match(steps.next(), { value: { type: "one", file: undefined } });
  t.equal(
    driveToFailure(addList({ ...runtime, path: [] }, list, about)).error.message,
    'plugin type="one" failed (add): no paths provided',
  );
});

t.test("the caller's span", async (t) => {
  const { runtime } = runtimeWith(t, "one");
  const list = listOf({ name: "net", cniVersion: "0.4.0", plugins: [{ type: "one" }] });
  const environ = { TRACEPARENT: "inherited", HOME: "/root" };
  const seen = (trace?: object) => {
    const given = { ...runtime, environ, ...(trace && { trace }) } as typeof runtime;
    const { TRACEPARENT, TRACESTATE, BAGGAGE, HOME } =
      drive(checkList(given, list, about)).calls[0]?.environ ?? {};
    t.equal(HOME, "/root");
    return [TRACEPARENT, TRACESTATE, BAGGAGE];
  };
  const [trace, span] = ["0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"];
  t.same(seen(), ["inherited", undefined, undefined]);
  t.same(seen({ traceparent: `00-${trace}-${span}-ff`, tracestate: "a=b", baggage: "c=d" }), [
    `00-${trace}-${span}-01`,
    "a=b",
    "c=d",
  ]);
  t.same(seen({ traceparent: `00-${trace}-${span}-02` })[0], `00-${trace}-${span}-00`);
  for (const traceparent of [
    "",
    `00-${"0".repeat(32)}-${span}-01`,
    `00-${trace}-${"0".repeat(16)}-01`,
  ]) {
    t.same(seen({ traceparent, baggage: "c=d" }), ["inherited", undefined, undefined]);
  }
});

t.test("a network of one plugin: its own name and version, its own errors", async (t) => {
  const { runtime, bin } = runtimeWith(t, "one");
  const plugin = parsePlugin(
    bytes({ name: "net", type: "one", cniVersion: "1.0.0", capabilities: { mac: true } }),
  );
  const added = drive(addNetwork(runtime, plugin, { ...about, capabilityArgs }), adding);
  t.match(added.calls[0]?.stdin, {
    name: "net",
    cniVersion: "1.0.0",
    runtimeConfig: { mac: capabilityArgs.mac },
  });
  t.match(added.value, { ips: [{ address: { prefixLength: 8 } }] });
  t.match(JSON.parse(readFileSync(cached(runtime), "utf8")), { networkName: "net" });
  const checked = drive(checkNetwork(runtime, plugin, about));
  t.match(checked.calls[0]?.stdin.prevResult, {
    cniVersion: "1.0.0",
    ips: [{ address: "10.0.0.1/8" }],
  });
  const failed = driveToFailure(delNetwork(runtime, plugin, about), () => new CniError(7, "no"));
  t.match(failed.error, { message: "no", code: 7 });
  t.ok(existsSync(cached(runtime)));
  const deleted = drive(delNetwork(runtime, plugin, about));
  t.match(deleted.calls[0]?.stdin.prevResult, { ips: [{ address: "10.0.0.1/8" }] });
  t.notOk(existsSync(cached(runtime)));

  const old = { ...plugin, cniVersion: "0.3.0" };
  t.throws(() => drive(checkNetwork(runtime, old, about)), CheckNotSupportedError);
  rmSync(join(bin, "one"));
  const missing = { message: `failed to find plugin "one" in path [${bin}]` };
  for (const operation of [addNetwork, checkNetwork, delNetwork]) {
    t.throws(() => drive<unknown>(operation(runtime, plugin, about)), missing);
  }
  writeFileSync(join(bin, "one"), "");
  writeFileSync(cached(runtime), "");
  t.throws(() => drive(checkNetwork(runtime, plugin, about)), {
    message: /^failed to get network "net" cached/,
  });
  rmSync(join(runtime.cacheDirectory, "results"), { recursive: true });
  writeFileSync(join(runtime.cacheDirectory, "results"), "");
  t.throws(() => drive(addNetwork(runtime, plugin, about), adding), {
    name: "CacheError",
    message: /^failed to set network "net" cached result: /,
  });
});
