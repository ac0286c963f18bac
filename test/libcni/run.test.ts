/** Real processes as plugins: the well-behaved, and every kind of the other. */
import { chmodSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import type { CniError } from "../../src/cni/errors.ts";
import type { Io, Plugin } from "../../src/cni/outside.ts";
import { emptyResult } from "../../src/cni/result.ts";
import { addList, checkList, delList } from "../../src/libcni/lists.ts";
import { type RunOptions, run } from "../../src/libcni/run.ts";
import type { Runtime } from "../../src/libcni/runtime.ts";
import { gcList, statusList, validateList, versionInfo } from "../../src/libcni/upkeep.ts";
import { sys } from "../../src/sys/sys.ts";
import { fakePlugin } from "../cni/support.ts";
import { directory as temporary } from "../harness/directory.ts";
import { about, listOf } from "./support.ts";

const net = listOf({ name: "net", cniVersion: "1.1.0", plugins: [{ type: "prog" }] });
const result = '{"cniVersion":"1.1.0","ips":[{"address":"10.1.2.3/24"}]}';

/** A directory with the plugin `prog`, a shell script, and streams that are only variables. */
function scripted(t: Parameters<typeof temporary>[0], script: string, interpreter = "/bin/sh") {
  const bin = temporary(t);
  const file = join(bin, "prog");
  writeFileSync(file, `#!${interpreter}\n${script}\n`);
  chmodSync(file, 0o755);
  const runtime: Runtime = {
    path: [bin],
    environ: { PATH: process.env.PATH ?? "", OUT: bin },
    cacheDirectory: temporary(t),
    hasBuiltIn: () => false,
    warn: () => {},
  };
  return { bin, file, runtime, ...streams() };
}

function streams(load: Io["load"] = () => undefined) {
  let stderr = "";
  const io: Io = {
    environ: {},
    readStdin: () => new Uint8Array(0),
    writeStdout: () => {},
    writeStderr: (data) => {
      stderr += typeof data === "string" ? data : new TextDecoder().decode(data);
    },
    load,
  };
  return { io, stderr: () => stderr };
}

function failure(work: () => unknown): Error {
  try {
    work();
  } catch (error) {
    return error as Error;
  }
  throw new Error("it succeeded");
}

t.test(
  "config and environment reach the plugin, its result and its stderr come back",
  async (t) => {
    const { bin, runtime, io, stderr } = scripted(
      t,
      `cat > $OUT/stdin; env > $OUT/env; echo hint >&2; echo '${result}'`,
    );
    const added = run(addList(runtime, net, { ...about, args: [["A", "b"]] }), io);
    t.match(added, { cniVersion: "1.1.0", ips: [{ address: { prefixLength: 24 } }] });
    t.equal(stderr(), "hint\n");
    t.same(JSON.parse(readFileSync(join(bin, "stdin"), "utf8")), {
      cniVersion: "1.1.0",
      name: "net",
      type: "prog",
    });
    const lines = readFileSync(join(bin, "env"), "utf8").split("\n");
    for (const line of [
      "CNI_COMMAND=ADD",
      "CNI_ARGS=A=b",
      "CNI_NETNS=/run/netns/c1",
      `CNI_PATH=${bin}`,
    ]) {
      t.ok(lines.includes(line), line);
    }
  },
);

t.test("plugins that fail in every way", async (t) => {
  const cases: [script: string, message: string, more?: object][] = [
    ["exit 1", "netplugin failed with no error message: exit status 1", { code: 0 }],
    [
      "echo 'some words' >&2; exit 3",
      'netplugin failed: "some words\\n": exit status 3',
      { stderr: "some words\n" },
    ],
    [
      'echo \'{"code":11,"msg":"wait","details":"a bit"}\'; echo why >&2; exit 1',
      "wait; a bit",
      { code: 11, stderr: "why\n" },
    ],
    ["echo '{}'; exit 1", "", { code: 0 }],
    ["echo null; exit 1", ""],
    [
      "printf garbage; exit 1",
      "netplugin failed but error parsing its diagnostic message \"garbage\": invalid character 'g' looking for beginning of value",
    ],
    [
      "printf '{\"code\":7,'; exit 1",
      'netplugin failed but error parsing its diagnostic message "{\\"code\\":7,": unexpected end of JSON input',
    ],
    ["echo '{\"code\":-1}'; exit 1", "netplugin failed but error parsing its diagnostic message"],
    ["kill -KILL $$", "netplugin failed with no error message: signal: killed"],
    ["echo last >&2; kill -TERM $$", 'netplugin failed: "last\\n": signal: terminated'],
    ["exit 0", "failed to unmarshal raw result: unexpected end of JSON input"],
    [
      'echo \'{"cniVersion":"1.1.0"\'',
      "failed to unmarshal raw result: unexpected end of JSON input",
    ],
    [
      "echo hello",
      "failed to unmarshal raw result: invalid character 'h' looking for beginning of value",
    ],
    ["yes | head -c 17000000", "netplugin failed: Cannot run "],
  ];
  for (const [script, message, more = {}] of cases) {
    const { runtime, io } = scripted(t, script);
    const error = failure(() => run(addList(runtime, net, about), io));
    t.ok(error.message.startsWith(`plugin type="prog" failed (add): ${message}`), error.message);
    t.match(error, { reason: more }, script);
  }
});

t.test("files that cannot be run", async (t) => {
  const add = ({ runtime, io }: ReturnType<typeof scripted>) =>
    failure(() => run(addList(runtime, net, about), io)).message;
  const failed =
    'plugin type="prog" failed (add): netplugin failed with no error message: fork/exec';
  const plain = scripted(t, "exit 0");
  chmodSync(plain.file, 0o644);
  t.equal(add(plain), `${failed} ${plain.file}: permission denied`);
  const lost = scripted(t, "exit 0", "/no/such/interpreter");
  t.equal(add(lost), `${failed} ${lost.file}: no such file or directory`);
  const noise = scripted(t, "");
  writeFileSync(noise.file, "\u0001\u0002");
  t.equal(add(noise), `${failed} ${noise.file}: exec format error`);
});

t.test("a plugin that does not read, and one that says a lot", async (t) => {
  const deaf = scripted(t, `exec <&-; echo '${result}'`);
  const list = listOf({
    name: "net",
    cniVersion: "1.1.0",
    plugins: [{ type: "prog", fill: "x".repeat(300_000) }],
  });
  t.ok(run(addList(deaf.runtime, list, about), deaf.io));
  const loud = scripted(
    t,
    `yes | head -c 1000000 >&2; printf '{"cniVersion":"1.1.0","fill":"'; yes | head -c 1000000 | tr -d '\\n'; echo '"}'`,
  );
  t.match(run(addList(loud.runtime, net, about), loud.io), { cniVersion: "1.1.0" });
  t.equal(loud.stderr().length, 1_000_000);
});

t.test("a plugin that takes too long is killed, whatever it is asked", async (t) => {
  const slow = scripted(t, "exec sleep 60");
  const operations = [
    () => addList(slow.runtime, net, about),
    () => checkList(slow.runtime, net, about),
    () => delList(slow.runtime, net, about),
    () => gcList(slow.runtime, net, []),
    () => statusList(slow.runtime, net),
    () => validateList(slow.runtime, net),
    () => versionInfo(slow.runtime, "prog"),
  ];
  const began = Date.now();
  for (const operation of operations) {
    t.match(
      failure(() => run(operation() as ReturnType<typeof checkList>, slow.io, { timeout: 50 }))
        .message,
      /netplugin failed with no error message: signal: killed \(its time was up\)/,
    );
  }
  for (const script of [
    "exec >&- 2>&-; exec sleep 60",
    "sleep 60 & echo {; exit 1",
    "sleep 60 & exit 1",
  ]) {
    const { runtime, io } = scripted(t, script);
    const message = failure(() => run(addList(runtime, net, about), io, { timeout: 100 })).message;
    t.match(message, /netplugin failed/, script);
  }
  t.ok(Date.now() - began < 20_000);
  const quick = scripted(t, `echo '${result}'`);
  t.ok(run(addList(quick.runtime, net, about), quick.io, { timeout: 30_000 }));
});

/** A plugin that calls itself `prog`, in this process or by itself. */
async function builtIn(
  t: Parameters<typeof temporary>[0],
  verbs: Parameters<typeof fakePlugin>[0],
) {
  const plugin = await fakePlugin(verbs);
  const { runtime, bin, ...rest } = scripted(t, "");
  const inProcess = { ...runtime, path: [], hasBuiltIn: () => true };
  return {
    runtime: inProcess,
    bin,
    ...rest,
    ...streams((name): Plugin | undefined => (name === "prog" ? plugin : undefined)),
  };
}

t.test("a built-in plugin has a call, an environment and streams of its own", async (t) => {
  const seen: object[] = [];
  const { runtime, io, stderr } = await builtIn(t, {
    add({ network, attachment, cniArgs, warn }) {
      seen.push({ network, ...attachment, cniArgs });
      warn("hint");
      return emptyResult();
    },
    check({ warn }) {
      warn("why");
      throw new Error("gone");
    },
  });
  const path = { ...runtime, path: ["/nowhere"] };
  const added = run(addList(path, net, { ...about, args: [["A", "b"]] }), io);
  t.match(added, { cniVersion: "1.1.0", ips: [] });
  t.same(seen, [
    { network: "net", containerId: "c1", ifName: "eth0", netns: "/run/netns/c1", cniArgs: "A=b" },
  ]);
  t.equal(stderr(), "fake: hint\n");
  const error = failure(() => run(checkList(path, net, about), io)) as CniError;
  t.match(error, { message: "gone", code: 999, stderr: "fake: why\n" });
  t.match(
    failure(() => run(addList(path, net, { ...about, netns: "" }), io)),
    {
      message: 'plugin type="prog" failed (add): required env variables [CNI_NETNS] missing',
      reason: { code: 4 },
    },
  );
  t.same(run(versionInfo(path, "prog"), io).supportedVersions.length, 7);
});

t.test("a link to our own executable is called in this process, another file is run", async (t) => {
  const { runtime, bin, io } = await builtIn(t, { add: () => emptyResult() });
  const add = (options: RunOptions = {}) =>
    run(addList({ ...runtime, path: [bin] }, net, about), io, options);
  const file = join(bin, "prog");
  writeFileSync(file, '#!/bin/sh\necho \'{"cniVersion":"1.1.0","dns":{"domain":"process"}}\'\n');
  t.match(add(), { dns: { domain: "process" } });
  const linked = temporary(t);
  symlinkSync(sys.executable(), join(linked, "prog"));
  t.same(run(addList({ ...runtime, path: [linked] }, net, about), io)?.dns, {});
  // With a time limit it has to be a process, which this file is not good for.
  const limited = () =>
    run(addList({ ...runtime, path: [linked] }, net, about), io, { timeout: 60_000 });
  t.match(failure(limited).message, `fork/exec ${linked}/prog: `);
});
