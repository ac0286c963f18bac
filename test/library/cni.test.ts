/** The operations as promises: plugins are scripts that say what they were called with. */
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import type { Attachment, CniOptions } from "../../src/library/index.ts";
import { directory } from "../harness/directory.ts";
import { Cni, cniErrorOf, parseNetwork } from "./built.ts";

const eth0: Attachment = { containerId: "c1", netns: "/run/netns/c1", ifName: "eth0" };
const result = { cniVersion: "1.1.0", ips: [{ address: "10.1.2.3/24" }] };
const answer = `echo '${JSON.stringify(result)}'`;

/** Plugins by name, as shell commands. `$log` is a file that all of them may write to. */
function plugins(t: Test, scripts: Record<string, string>, more: CniOptions = {}) {
  const folder = directory(t);
  const log = join(folder, "log");
  mkdirSync(join(folder, "bin"));
  for (const [name, script] of Object.entries(scripts)) {
    const file = join(folder, "bin", name);
    writeFileSync(file, `#!/bin/sh\nlog=${log}\necho "$CNI_COMMAND ${name}" >> $log\n${script}\n`);
    chmodSync(file, 0o755);
  }
  const cni = new Cni({
    path: [join(folder, "bin")],
    cacheDirectory: join(folder, "cache"),
    ...more,
  });
  const network = parseNetwork({
    cniVersion: "1.1.0",
    name: "net1",
    plugins: Object.keys(scripts).map((type) => ({ type, capabilities: { bandwidth: true } })),
  });
  const calls = () => (existsSync(log) ? readFileSync(log, "utf8").trim().split("\n") : []);
  return {
    cni,
    network,
    folder,
    /** What was called, in order. */
    calls,
    async called(call: string) {
      while (!calls().includes(call)) await new Promise((done) => setTimeout(done, 10));
    },
  };
}

t.test("a life: ADD, CHECK, GC, DEL", async (t) => {
  const { cni, network, calls } = plugins(t, { one: answer, two: answer });
  t.strictSame(await cni.add(network, eth0), result);
  t.strictSame(await cni.cachedResult(network, eth0), result);
  t.match(await cni.attachments(), [
    { network: "net1", containerId: "c1", ifName: "eth0", result },
  ]);
  t.strictSame(await cni.attachments("c2"), []);
  await cni.check(network, eth0);
  await cni.status(network);
  await cni.gc(network, [eth0]);
  t.equal((await cni.attachments("c1")).length, 1, "a valid one is kept");
  await cni.del(network, eth0);
  t.equal(await cni.cachedResult(network, eth0), undefined);
  t.strictSame(calls(), [
    ...["ADD one", "ADD two", "CHECK one", "CHECK two", "STATUS one", "STATUS two"],
    ...["GC one", "GC two", "DEL two", "DEL one"],
  ]);
});

t.test("plugins get arguments, capabilities and the environment", async (t) => {
  const { cni, network, folder } = plugins(
    t,
    { one: `env > $log.env; cat > $log.in; ${answer}` },
    { env: { HOME: "/nowhere", UNSET: undefined } },
  );
  const bandwidth = { ingressRate: 1000 };
  const about = { ...eth0, args: { A: "1", B: "2" }, capabilityArgs: { bandwidth, other: 1 } };
  const traceparent = "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01";
  await cni.add(network, about, { trace: { traceparent } });
  const env = readFileSync(join(folder, "log.env"), "utf8");
  for (const line of ["CNI_ARGS=A=1;B=2", "HOME=/nowhere", `TRACEPARENT=${traceparent}`]) {
    t.ok(env.split("\n").includes(line), line);
  }
  t.notMatch(env, /UNSET/);
  t.match(JSON.parse(readFileSync(join(folder, "log.in"), "utf8")), {
    name: "net1",
    cniVersion: "1.1.0",
    runtimeConfig: { bandwidth },
  });
  const [cached] = await cni.attachments();
  t.strictSame(cached?.args, { A: "1", B: "2" });
  t.strictSame(cached?.capabilityArgs, { bandwidth, other: 1 });
});

t.test("old plugins' results come in the newest version", async (t) => {
  const { cni } = plugins(t, {
    old: `echo '{"cniVersion":"0.2.0","ip4":{"ip":"10.1.2.3/24","gateway":"10.1.2.1"}}'`,
  });
  const network = parseNetwork({ cniVersion: "0.2.0", name: "net1", type: "old" });
  const { cniVersion, ips } = await cni.add(network, eth0);
  t.equal(cniVersion, "1.1.0");
  t.strictSame(ips, [{ address: "10.1.2.3/24", gateway: "10.1.2.1" }]);
  await t.rejects(cni.check(network, eth0), { name: "CheckNotSupportedError" });
});

t.test("the thread goes on while a plugin works", async (t) => {
  const { cni, network } = plugins(t, { slow: `sleep 0.4; ${answer}` });
  let ticks = 0;
  const timer = setInterval(() => ticks++, 10);
  await cni.add(network, eth0);
  clearInterval(timer);
  t.ok(ticks >= 10, `${ticks} ticks`);
});

t.test("an abort kills the plugin and its children", async (t) => {
  const { cni, network, folder, calls } = plugins(t, {
    one: answer,
    stuck: "sleep 1000 & echo $! > $log.pid; wait",
    three: answer,
  });
  const controller = new AbortController();
  const adding = cni.add(network, eth0, { signal: controller.signal });
  const pid = await content(join(folder, "log.pid"));
  t.ok(existsSync(`/proc/${pid}`));
  controller.abort();
  await t.rejects(adding, { name: "AbortError" });
  t.ok(await ends(pid), "the child has ended");
  t.strictSame(calls(), ["ADD one", "ADD stuck"], "nothing is called after it");
  t.equal(await cni.cachedResult(network, eth0), undefined);
});

t.test("with rollback an abort takes back what was done, and is not stopped in that", async (t) => {
  const { cni, network, calls, called } = plugins(t, {
    one: `[ $CNI_COMMAND = ADD ] || sleep 0.3; ${answer}`,
    stuck: "[ $CNI_COMMAND = ADD ] && exec sleep 1000; true",
  });
  const controller = new AbortController();
  const adding = cni.add(network, eth0, { signal: controller.signal, rollback: true });
  await called("ADD stuck");
  controller.abort();
  await t.rejects(adding, { name: "AbortError" });
  t.strictSame(calls(), ["ADD one", "ADD stuck", "DEL stuck", "DEL one"]);
});

t.test("an abort stops DEL, and the cached result stays for the next", async (t) => {
  const { cni, network, calls, called } = plugins(t, {
    one: answer,
    stuck: `[ $CNI_COMMAND = DEL ] && exec sleep 1000; ${answer}`,
  });
  await cni.add(network, eth0);
  const controller = new AbortController();
  const deleting = cni.del(network, eth0, { signal: controller.signal });
  await called("DEL stuck");
  controller.abort();
  await t.rejects(deleting, { name: "AbortError" });
  t.strictSame(calls().slice(2), ["DEL stuck"]);
  t.ok(await cni.cachedResult(network, eth0));
});

t.test("a time limit is a signal", async (t) => {
  const { cni, network } = plugins(t, { stuck: "exec sleep 1000" });
  await t.rejects(cni.status(network, { signal: AbortSignal.timeout(100) }), {
    name: "TimeoutError",
  });
});

t.test("with a signal that is aborted already no plugin is called", async (t) => {
  const { cni, network, calls } = plugins(t, { one: answer });
  const reason = new Error("no more");
  for (const rollback of [false, true]) {
    const signal = AbortSignal.abort(reason);
    await t.rejects(cni.add(network, eth0, { signal, rollback }), reason);
  }
  const idle = parseNetwork({ cniVersion: "1.0.0", name: "net1", type: "one" });
  await t.rejects(cni.status(idle, { signal: AbortSignal.abort(reason) }), reason);
  t.strictSame(calls(), []);
});

t.test("many operations at once", async (t) => {
  const { cni, network } = plugins(t, { one: `sleep 0.1; ${answer}` });
  const all = Array.from({ length: 8 }, (_, i) => ({ ...eth0, containerId: `c${i}` }));
  await Promise.all(all.map((about) => cni.add(network, about)));
  t.equal((await cni.attachments()).length, 8);
  await cni.gc(network, []);
  t.equal((await cni.attachments()).length, 0);
});

t.test("a plugin's error comes with its code and what it wrote to stderr", async (t) => {
  const heard: string[] = [];
  const onStderr = (text: string, plugin: string) => heard.push(`${plugin}: ${text}`);
  const refuse = `echo 'no "x" here' >&2; echo '{"code":11,"msg":"later","details":"busy"}'; exit 1`;
  const { cni, network, calls } = plugins(t, { one: answer, two: refuse }, { onStderr });
  const error = await cni.add(network, eth0).catch((error: unknown) => error);
  t.match(error, { name: "PluginFailedError", plugin: 'type="two"' });
  t.match(cniErrorOf(error), {
    code: 11,
    msg: "later",
    details: "busy",
    stderr: 'no "x" here\n',
  });
  t.strictSame(heard, ['two: no "x" here\n']);
  t.strictSame(calls(), ["ADD one", "ADD two"]);
});

t.test("what a plugin writes to stderr comes in whole characters", async (t) => {
  const heard: string[] = [];
  const write = "printf 'a\\303' >&2; sleep 0.2; printf '\\251' >&2; sleep 0.2; printf '\\303' >&2";
  const { cni, network } = plugins(
    t,
    { one: `${write}; ${answer}` },
    { onStderr: (text) => heard.push(text) },
  );
  await cni.add(network, eth0);
  t.equal(heard.join(""), "a\u00e9\ufffd");
});

t.test("DEL goes on behind a plugin that fails", async (t) => {
  const fail = "exit 3";
  const { cni, network, calls } = plugins(t, { one: fail, two: "true", three: fail });
  await t.rejects(cni.del(network, eth0), { name: "SeveralErrors", errors: { length: 2 } });
  t.strictSame(calls(), ["DEL three", "DEL two", "DEL one"]);
});

t.test("crashes, floods, and programs that are none", async (t) => {
  const { cni, folder } = plugins(t, {
    killed: "kill -9 $$",
    flood: "head -c 20000000 /dev/zero; sleep 1000",
    deaf: `exec <&-; ${answer}`,
    none: "",
  });
  chmodSync(join(folder, "bin/none"), 0o644);
  const add = (type: string, more: object = {}) =>
    cni.add(parseNetwork({ cniVersion: "1.1.0", name: "net1", type, ...more }), eth0);
  await t.rejects(add("killed"), /netplugin failed with no error message: signal: killed/);
  await t.rejects(add("flood"), /its output exceeds 16777216 bytes/);
  await t.rejects(add("none"), /fork\/exec \S+\/none: permission denied/);
  await t.rejects(add("absent"), /failed to find plugin "absent" in path/);
  t.ok(await add("deaf", { padding: "x".repeat(300_000) }), "it need not read its config");
});

t.test("a program that is still being written is tried again", async (t) => {
  const { cni, network, folder } = plugins(t, { one: answer });
  // A script may be open for writing; what it is run by may not.
  const shell = join(folder, "shell");
  writeFileSync(shell, readFileSync("/bin/sh"), { mode: 0o755 });
  writeFileSync(join(folder, "bin/one"), `#!${shell}\n${answer}\n`);
  const fd = openSync(shell, "r+");
  setTimeout(() => closeSync(fd), 300);
  t.strictSame(await cni.add(network, eth0), result);
});

t.test("plugins that the path lacks are taken from the package", async (t) => {
  const { folder } = plugins(t, { other: answer });
  const cacheDirectory = join(folder, "cache");
  const ipam = { type: "static", addresses: [{ address: "10.1.2.3/24" }] };
  const network = parseNetwork({ cniVersion: "1.1.0", name: "net1", type: "static", ipam });
  for (const path of [[], [join(folder, "bin")]]) {
    const cni = new Cni({ path, cacheDirectory });
    t.strictSame((await cni.version("bridge")).supportedVersions.length, 7);
    t.strictSame(await cni.add(network, eth0), result);
    t.strictSame(await cni.validate(network), []);
    const alone = new Cni({ path, cacheDirectory, builtIn: false });
    await t.rejects(alone.add(network, eth0), /no paths provided|failed to find plugin "static"/);
  }
});

t.test("a result that cannot be kept is told, with the result", async (t) => {
  const { cni, network, folder } = plugins(t, { one: answer });
  writeFileSync(join(folder, "cache"), "not a directory");
  await t.rejects(cni.add(network, eth0), { name: "CacheError", result });
});

t.test("what an operation got over is a warning", async (t) => {
  const warnings: string[] = [];
  const onWarning = (message: string) => warnings.push(message);
  const { cni, network, folder } = plugins(t, { one: answer }, { onWarning });
  await cni.add(network, eth0);
  writeFileSync(join(folder, "cache/results/net1-c1-eth0"), "{");
  await cni.del(network, eth0);
  t.match(warnings, [/^going on without the cached result: /]);
});

/** The text of a file, once there is one. */
async function content(path: string): Promise<string> {
  for (;;) {
    const text = existsSync(path) ? readFileSync(path, "utf8").trim() : "";
    if (text !== "") return text;
    await new Promise((done) => setTimeout(done, 10));
  }
}

/** Whether a process ends within some seconds; one that nobody has waited for yet has ended. */
async function ends(pid: string): Promise<boolean> {
  for (let tries = 0; tries < 500; tries++) {
    if (!isRunning(pid)) return true;
    await new Promise((done) => setTimeout(done, 10));
  }
  return false;
}

function isRunning(pid: string): boolean {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}
