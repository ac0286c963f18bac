/** Calling the IPAM plugin: another program, well-behaved or not, or ourselves. */
import { chmodSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import tap from "tap";
import { parseCidr } from "../../src/addr/cidr.ts";
import { CniError } from "../../src/cni/errors.ts";
import * as ipam from "../../src/cni/ipam.ts";
import type { Plugin } from "../../src/cni/outside.ts";
import { emptyResult, type Result } from "../../src/cni/result.ts";
import { sys } from "../../src/sys/sys.ts";
import { directory as temporary } from "../harness/directory.ts";
import { type CallOptions, call, errorOf, fakePlugin } from "./support.ts";

const result = '{"cniVersion": "1.1.0", "ips": [{"address": "10.1.2.3/24"}]}';

/** A main plugin that does nothing but ask its IPAM plugin. */
const main = await fakePlugin({
  add: (given) => ipam.add(given),
  check: ipam.check,
  del: ipam.del,
  gc: ipam.gc,
  status: ipam.status,
});

/** The same, but ADD fails after the addresses are there. */
const failing = await fakePlugin({
  add(given) {
    ipam.add(given);
    throw new Error("failed later");
  },
});

/**
 * A directory with the IPAM plugin `prog`, a shell script. It writes each command that it is called
 * with to the file `log`.
 */
function program(t: Pick<typeof tap, "teardown">, script: string, interpreter = "/bin/sh") {
  const directory = temporary(t);
  const file = join(directory, "prog");
  writeFileSync(file, `#!${interpreter}\necho $CNI_COMMAND >> ${directory}/log\n${script}\n`);
  chmodSync(file, 0o755);
  return {
    directory,
    file,
    log: () => readFileSync(join(directory, "log"), "utf8").trim().split("\n"),
    ask: (options: CallOptions = {}, plugin: Plugin = main) =>
      call(plugin, {
        stdin: {
          cniVersion: "1.1.0",
          name: "net1",
          ipam: { type: "prog" },
          "cni.dev/attachments": [],
        },
        ...options,
        environ: {
          CNI_PATH: `/nowhere:${directory}`,
          PATH: process.env.PATH ?? "",
          ...options.environ,
        },
      }),
  };
}

tap.test(
  "the program gets the config's bytes and the same environment, and we its result",
  async (t) => {
    const { ask, directory, log } = program(
      t,
      `cat > $OUT/stdin; env > $OUT/env; echo hint >&2; echo '${result}'`,
    );
    const stdin = ` { "name":"net1","cniVersion":"1.1.0" , "ipam": {"type": "prog", "x": 1}}\n`;
    const done = ask({ stdin, environ: { OUT: directory, CNI_ARGS: "A=b" } });
    t.match(done, { status: 0, stderr: "hint\n" }, "stderr passes through on success too");
    t.match(JSON.parse(done.stdout), { ips: [{ address: "10.1.2.3/24" }] });
    t.equal(readFileSync(join(directory, "stdin"), "utf8"), stdin, "not a byte is changed");
    const env = readFileSync(join(directory, "env"), "utf8").split("\n");
    for (const line of ["CNI_COMMAND=ADD", "CNI_ARGS=A=b", "CNI_IFNAME=eth0"]) {
      t.ok(env.includes(line), line);
    }
    t.same(log(), ["ADD"]);
  },
);

tap.test("every verb reaches the program", async (t) => {
  const { ask, log } = program(t, `[ $CNI_COMMAND != ADD ] || echo '${result}'`);
  const verbs = ["ADD", "CHECK", "DEL", "GC", "STATUS"];
  for (const CNI_COMMAND of verbs)
    t.equal(ask({ environ: { CNI_COMMAND } }).status, 0, CNI_COMMAND);
  t.same(log(), verbs);
});

tap.test("without an IPAM plugin all but ADD do nothing", async (t) => {
  const stdin = { cniVersion: "1.1.0", name: "n", ipam: { type: "" }, "cni.dev/attachments": [] };
  for (const CNI_COMMAND of ["CHECK", "DEL", "GC", "STATUS"]) {
    t.equal(call(main, { stdin, environ: { CNI_COMMAND } }).status, 0, CNI_COMMAND);
  }
  t.same(errorOf(call(main, { stdin })), { code: 999, msg: "no plugin name provided" });
});

tap.test("a result without a version has the config's, and its shape", async (t) => {
  const { ask } = program(t, `echo '{"ip4": {"ip": "10.0.0.9/8"}}'`);
  const old = ask({ stdin: { name: "n", cniVersion: "0.2.0", ipam: { type: "prog" } } });
  t.match(JSON.parse(old.stdout), { cniVersion: "0.2.0", ip4: { ip: "10.0.0.9/8" } });
});

tap.test("errors of the program are its own", async (t) => {
  const { ask, log } = program(
    t,
    `echo why >&2; echo '{"code": 11, "msg": "later", "details": "d"}'; exit 1`,
  );
  const done = ask();
  t.same(errorOf(done), { code: 11, msg: "later", details: "d" });
  t.equal(done.stderr, "why\n");
  t.same(log(), ["ADD"], "it has cleaned up itself: a DEL might take what an earlier ADD holds");
});

tap.test("an end without an error object is told, and DEL is tried", async (t) => {
  const cases: [script: string, msg: string | RegExp][] = [
    ["exit 3", "netplugin failed with no error message: exit status 3"],
    ["kill -KILL $$", "netplugin failed with no error message: signal: killed"],
    ["kill -SEGV $$", "netplugin failed with no error message: signal: segmentation fault"],
    ['echo "so \\"sad\\"" >&2; exit 1', 'netplugin failed: "so \\"sad\\"\\n": exit status 1'],
    [
      "echo garbage; exit 1",
      /^netplugin failed but error parsing its diagnostic message "garbage\\n": invalid character 'g'/,
    ],
    [`printf '{"code": 7, "ms'; exit 1`, /^netplugin failed but .*: unexpected end of JSON input$/],
    [`echo '{"code": -1}'; exit 1`, /^netplugin failed but .*: json: cannot unmarshal number -1/],
  ];
  for (const [script, msg] of cases) {
    const { ask, log } = program(t, `[ $CNI_COMMAND = DEL ] && exit 0\n${script}`);
    const error = errorOf(ask());
    t.equal(error.code, 0, script);
    if (typeof msg === "string") t.equal(error.msg, msg);
    else t.match(error.msg, msg);
    t.same(log(), ["ADD", "DEL"]);
  }
  const stubborn = program(t, "exit 1").ask();
  t.match(stubborn.stderr, /^fake: Cannot undo the ADD of prog: netplugin failed/);
});

tap.test("success with a result that is none", async (t) => {
  for (const [script, msg] of [
    ["true", "failed to unmarshal raw result: unexpected end of JSON input"],
    ["echo '[]'", /^failed to unmarshal raw result: json: cannot unmarshal array/],
    ["echo garbage", /^failed to unmarshal raw result: invalid character 'g'/],
    [`echo '{"cniVersion": "9.9.9"}'`, 'unsupported CNI result version "9.9.9"'],
  ] as const) {
    const { ask, log } = program(t, script);
    t.match(errorOf(ask()), { code: 999, msg });
    t.same(log(), ["ADD", "DEL"], "what it has allocated is given back");
  }
});

tap.test("what cannot be executed", async (t) => {
  const { ask, file } = program(t, "", "/no/such/interpreter");
  const prefix = `netplugin failed with no error message: fork/exec ${file}: `;
  t.same(errorOf(ask()), { code: 0, msg: `${prefix}no such file or directory` });
  chmodSync(file, 0o644);
  t.same(errorOf(ask()), { code: 0, msg: `${prefix}permission denied` });
  const missing = errorOf(ask({ stdin: { name: "n", ipam: { type: "nope" } } }));
  t.match(missing, { code: 999, msg: /^failed to find plugin "nope" in path \[\/nowhere \// });
});

tap.test("a failure after the addresses are there gives them back", async (t) => {
  const { ask, log } = program(t, `[ $CNI_COMMAND != ADD ] || echo '${result}'`);
  t.same(errorOf(ask({}, failing)), { code: 999, msg: "failed later" });
  t.same(log(), ["ADD", "DEL"]);
});

tap.test("large configs and large outputs do not block", async (t) => {
  const filler = "x".repeat(3_000_000);
  const stdin = { cniVersion: "1.1.0", name: "n", ipam: { type: "prog" }, filler };
  const deaf = program(t, `echo '${result}'`).ask({ stdin });
  t.equal(deaf.status, 0, "a program that reads nothing");
  const script = `head -c 300000 /dev/zero | tr '\\0' ' '; echo '${result}'; cat > /dev/null`;
  t.equal(program(t, script).ask({ stdin }).status, 0, "one that writes before it reads");
});

/** A built-in IPAM plugin that remembers its calls. */
async function builtIn(added: (undo: (what: string) => void) => Result) {
  const log: string[] = [];
  const plugin = await fakePlugin({
    name: "own-ipam",
    add: (given) => {
      log.push(`ADD ${given.attachment.ifName} ${(given.config as ipam.WithIpam).ipam?.type}`);
      return added((what) => given.undo.push(what, () => log.push(what)));
    },
    check: () => log.push("CHECK"),
    del: () => log.push("DEL"),
    gc: ({ valid }) => log.push(`GC ${valid.length}`),
    status: () => {
      log.push("STATUS");
      throw new CniError("PluginNotAvailable", "no addresses left");
    },
  });
  const load = (name: string) => (name === "own-ipam" ? plugin : undefined);
  const stdin = {
    cniVersion: "1.1.0",
    name: "n",
    ipam: { type: "own-ipam" },
    "cni.dev/attachments": [{ containerID: "c", ifname: "e" }],
  };
  return { log, load, stdin };
}

const address = (text: string) => ({ ...emptyResult(), ips: [{ address: parseCidr(text) }] });

tap.test("a plugin that is in no directory, but built in, is called in this process", async (t) => {
  const { log, load, stdin } = await builtIn(() => address("10.9.8.7/24"));
  const done = call(main, { stdin, load });
  t.match(JSON.parse(done.stdout), { ips: [{ address: "10.9.8.7/24" }] });
  for (const CNI_COMMAND of ["CHECK", "DEL", "GC"])
    call(main, { stdin, load, environ: { CNI_COMMAND } });
  const status = call(main, { stdin, load, environ: { CNI_COMMAND: "STATUS" } });
  t.same(errorOf(status), { code: 50, msg: "no addresses left" });
  t.same(log, ["ADD eth0 own-ipam", "CHECK", "DEL", "GC 1", "STATUS"]);
  t.same(call(failing, { stdin, load }).status, 1);
  t.same(log.slice(5), ["ADD eth0 own-ipam", "DEL"]);
});

tap.test("a built-in plugin that fails undoes its own steps, and is not DELeted", async (t) => {
  const { log, load, stdin } = await builtIn((undo) => {
    undo("gave it back");
    throw new CniError("InvalidNetworkConfig", "bad range");
  });
  t.same(errorOf(call(main, { stdin, load })), { code: 7, msg: "bad range" });
  t.same(log, ["ADD eth0 own-ipam", "gave it back"]);
});

tap.test("older versions lose in this process what they lose between processes", async (t) => {
  const { load } = await builtIn(() => ({
    ...address("10.9.8.7/24"),
    ips: [{ address: parseCidr("10.9.8.7/24") }, { address: parseCidr("10.9.8.8/24") }],
  }));
  let seen: Result | undefined;
  const looking = await fakePlugin({
    add(given) {
      seen = ipam.add(given);
      return seen;
    },
  });
  for (const [cniVersion, count] of [
    ["0.2.0", 1],
    ["0.4.0", 2],
    ["1.0.0", 2],
  ] as const) {
    const stdin = { cniVersion, name: "n", ipam: { type: "own-ipam" } };
    t.equal(call(looking, { stdin, load }).status, 0);
    t.equal(seen?.ips.length, count, cniVersion);
  }
});

tap.test(
  "a file in CNI_PATH goes before what is built in, unless it is this executable",
  async (t) => {
    const { log, load, stdin } = await builtIn(() => address("10.9.8.7/24"));
    const CNI_PATH = temporary(t);
    symlinkSync(sys.executable(), join(CNI_PATH, "own-ipam"));
    t.match(JSON.parse(call(main, { stdin, load, environ: { CNI_PATH } }).stdout), {
      ips: [{ address: "10.9.8.7/24" }],
    });
    t.equal(log.length, 1);

    const other = temporary(t);
    writeFileSync(join(other, "own-ipam"), `#!/bin/sh\necho '${result}'\n`, { mode: 0o755 });
    t.match(JSON.parse(call(main, { stdin, load, environ: { CNI_PATH: other } }).stdout), {
      ips: [{ address: "10.1.2.3/24" }],
    });
    t.equal(log.length, 1, "the built-in was not called");
  },
);

tap.test("a plugin cannot delegate to itself in a circle", async (t) => {
  const stdin = { cniVersion: "1.1.0", name: "n", ipam: { type: "fake" } };
  const done = call(main, { stdin, load: () => main });
  t.same(errorOf(done), {
    code: 999,
    msg: "Cannot call fake: it is already being called (fake)",
  });
});
