/** One executable, many names: what it is when it is called like this or that. */
import { spawn, spawnSync } from "node:child_process";
import {
  closeSync,
  constants,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import t from "tap";
import { applets, plugins } from "../../src/applets/mod.ts";
import { directory as temporary } from "../harness/directory.ts";
import { onNode } from "../harness/hosts.ts";
import { executable, hostLocal, named, run } from "./program.ts";

const version = { CNI_COMMAND: "VERSION" };
const reply =
  '{"cniVersion":"1.1.0","supportedVersions":["0.1.0","0.2.0","0.3.0","0.3.1","0.4.0","1.0.0","1.1.0"]}\n';

t.test("a plugin by name of the file, by path, or by first argument", async (t) => {
  const directory = temporary(t);
  const link = named(directory, "host-local");
  named(directory, "renamed");
  t.match(run(link, [], { env: version }), { status: 0, stdout: reply, stderr: "" });
  t.match(run(executable, ["host-local"], { env: version }), { status: 0, stdout: reply });
  t.match(run(join(directory, "renamed"), ["loopback"], { env: version }), { stdout: reply });

  for (const [path, args] of [
    [link, []],
    [executable, ["host-local"]],
  ] as const) {
    const dataDir = temporary(t);
    const done = run(path, args, hostLocal(dataDir, "ADD"));
    t.match(done, { status: 0, stderr: "" });
    t.match(JSON.parse(done.stdout), { ips: [{ address: "10.1.2.2/24" }] });
    t.ok(readdirSync(join(dataDir, "net1")).includes("10.1.2.2"));
  }
});

t.test("every plugin answers to its name", async (t) => {
  const directory = temporary(t);
  for (const name of applets) {
    const link = named(directory, name);
    t.match(run(link, [], { env: version }), { status: 0, stdout: reply }, name);
    const about = run(link);
    t.match(about, { status: 0, stdout: "" }, name);
    const [first = "", second, end] = about.stderr.split("\n");
    t.match(first, new RegExp(`^CNI ${name} plugin v[0-9.]+\\+cnibox\\.[0-9.]+$`));
    t.match(second, /^CNI protocol versions supported: 0\.1\.0, /);
    t.equal(end, "");
  }
});

t.test("VERSION waits for no input", async (t) => {
  const child = spawn(named(temporary(t), "bridge"), { env: version, stdio: ["pipe", "pipe", 2] });
  const status = await new Promise((resolve) => child.on("exit", resolve));
  t.equal(status, 0, "stdin was never closed");
  child.stdin?.destroy();
});

t.test("--list, --version and --help", async (t) => {
  const list = run(executable, ["--list"]);
  t.equal(list.status, 0);
  const lines = list.stdout.trimEnd().split("\n");
  t.same(
    lines.map((line) => line.split(" ")[0]),
    plugins,
  );
  t.notOk(
    plugins.some((name) => String(name) === "sample"),
    "it is for who writes plugins",
  );
  const all = run(executable, ["--list", "--all"]).stdout.trimEnd().split("\n");
  t.same(
    all.map((line) => line.split(" ")[0]),
    [...applets],
  );
  t.match(run(executable, ["--list", "all"]), { status: 1, stdout: "" });
  for (const line of all) t.match(line, /^[a-z-]+ {2,}[A-Z].*[^.]$/);

  t.match(
    run(executable, ["--version"]).stdout,
    /^cnibox \d+\.\d+\.\d+, CNI 0\.1\.0, .*, 1\.1\.0\n$/,
  );
  for (const args of [["--help"], ["-h"], []]) {
    const help = run(executable, args);
    t.match(help, { status: 0, stderr: "" });
    t.match(help.stdout, /^cnibox .*\n\nUsage: cnibox PLUGIN /);
  }
});

t.test("the help of a plugin, asked in three ways", async (t) => {
  const [one, two, three] = [
    run(executable, ["host-local", "--help"]),
    run(named(temporary(t), "host-local"), ["--help"]),
    run(executable, ["--help", "host-local"]),
  ];
  t.match(one, { status: 0, stderr: "" });
  t.match(one.stdout, /^host-local: .*\n\nConfig keys:\n {2}ipam \(object\)/);
  t.match(
    one.stdout,
    /Capabilities \(runtimeConfig keys\):\n {2}ipRanges \(list of list of object\)/,
  );
  t.equal(two.stdout, one.stdout);
  t.equal(three.stdout, one.stdout);
});

t.test("names that we do not know", async (t) => {
  const cases: [string[], string][] = [
    [["brigde"], 'unknown plugin "brigde"; did you mean bridge?'],
    [["nothing-like-it"], 'unknown plugin "nothing-like-it"; see cnibox --list'],
    [["--lst"], 'unknown option "--lst"; did you mean --list?'],
    [["--help", "hostlocal"], 'unknown plugin "hostlocal"; did you mean host-local?'],
    [["toString"], 'unknown plugin "toString"; see cnibox --list'],
  ];
  for (const [args, message] of cases) {
    t.same(run(executable, args), { status: 1, stdout: "", stderr: `cnibox: ${message}\n` });
  }
});

t.test("a runtime that calls us by a name that we do not know gets an error object", async (t) => {
  const done = run(named(temporary(t), "mystery"), [], { env: { CNI_COMMAND: "ADD" } });
  t.equal(done.status, 1);
  t.match(JSON.parse(done.stdout), { code: 7, msg: /must be one of .*bridge, .*host-local/ });
});

t.test("a config of megabytes, through a pipe", async (t) => {
  const options = hostLocal(temporary(t), "ADD", { filler: "x".repeat(5_000_000) });
  t.match(run(executable, ["host-local"], options), { status: 0, stderr: "" });
});

t.test("a result that cannot be written is an error, and ADD is undone", async (t) => {
  const directory = temporary(t);
  const scripts = { EPIPE: '{ sleep 0.2; "$0" host-local; } | true' };
  const closed = { EBADF: '"$0" host-local >&-', "Cannot print": '"$0" host-local >&- <&-' };
  for (const [errno, script] of Object.entries({ ...scripts, ...(onNode ? {} : closed) })) {
    const done = run("/bin/sh", ["-c", script, executable], hostLocal(directory, "ADD"));
    t.match(done.stderr, /^host-local: Cannot print the error: E(PIPE|BADF): /, errno);
    t.match(done.stderr, errno);
    if (script.includes("<&-")) continue;
    const leases = readdirSync(join(directory, "net1")).filter((name) => /^[0-9.]+$/.test(name));
    t.same(leases, [], "the address was given back");
  }
});

t.test("VERSION into a pipe that nobody reads", async (t) => {
  const script = '{ sleep 0.2; "$0" loopback; echo $? >&2; } | true';
  const { stderr } = run("/bin/sh", ["-c", script, executable], { env: version });
  t.match(stderr, /^cnibox: .*EPIPE(.|\n)*\n1\n$/);
});

t.test("closed standard descriptors are not mistaken for files", { skip: onNode }, async (t) => {
  const directory = temporary(t);
  const script = '"$0" host-local <&0 >&- 2>&-';
  t.equal(run("/bin/sh", ["-c", script, executable], hostLocal(directory, "ADD")).status, 1);
  const { env } = hostLocal(directory, "ADD");
  const noInput = run("/bin/sh", ["-c", '"$0" host-local <&-', executable], { env });
  t.match(JSON.parse(noInput.stdout), { code: 5, msg: /^error reading from stdin: EBADF/ });
  for (const name of readdirSync(join(directory, "net1"))) {
    t.notMatch(readFileSync(join(directory, "net1", name), "utf8"), /cniVersion|"code"/, name);
  }
});

t.test("standard streams that do not block", async (t) => {
  const directory = temporary(t);
  const [input, output] = ["in", "out"].map((name) => join(directory, name)) as [string, string];
  spawnSync("mkfifo", [input, output]);
  const { O_RDWR, O_RDONLY, O_WRONLY, O_NONBLOCK } = constants;
  const keeper = openSync(input, O_RDWR);
  const reader = openSync(output, O_RDWR);
  const stdin = openSync(input, O_RDONLY | O_NONBLOCK);
  const stdout = openSync(output, O_WRONLY | O_NONBLOCK);
  let filled = 0;
  try {
    for (;;) filled += writeSync(stdout, Buffer.alloc(4096));
  } catch (error) {
    t.match(error, { code: "EAGAIN" }, "the pipe is full");
  }
  const { env, input: config } = hostLocal(directory, "ADD");
  const child = spawn(executable, ["host-local"], { env, stdio: [stdin, stdout, "inherit"] });
  const ended = new Promise((resolve) => child.on("exit", resolve));
  const pause = () => new Promise((resolve) => setTimeout(resolve, 200));
  await pause();
  writeSync(keeper, config.slice(0, 10));
  await pause();
  writeSync(keeper, config.slice(10));
  for (const fd of [keeper, stdin, stdout]) closeSync(fd);
  await pause();
  t.equal(child.exitCode, null, "it waits for the pipe to be read");
  const buffer = Buffer.alloc(1 << 20);
  let text = "";
  for (let rest = filled; rest > 0; ) rest -= readSync(reader, buffer, 0, rest, null);
  t.equal(await ended, 0);
  const count = readSync(reader, buffer);
  text += buffer.toString("utf8", 0, count);
  closeSync(reader);
  t.match(JSON.parse(text), { ips: [{ address: "10.1.2.2/24" }] });
});
