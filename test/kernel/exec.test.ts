/** Running other programs, well-behaved and not. */
import { closeSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { exec } from "../../src/kernel/exec.ts";
import { sys } from "../../src/sys/sys.ts";

const environ = { PATH: process.env.PATH ?? "" };

/** Runs a shell script. */
function sh(script: string, options: { input?: Uint8Array; limit?: number } = {}) {
  const { stdout, stderr, ...ending } = exec("/bin/sh", {
    argv: ["sh", "-c", script],
    environ,
    ...options,
  });
  return { stdout: sys.decodeUtf8(stdout), stderr: sys.decodeUtf8(stderr), ...ending };
}

/** The pids of our children, zombies included. */
function children(): string {
  const task = `/proc/self/task/${process.pid}/children`;
  return readFileSync(task, "utf8");
}

function openDescriptors(): string[] {
  return sys.readdir("/proc/self/fd").sort();
}

const megabytes = new Uint8Array(5_000_000).fill(0x61);

t.test("input, both outputs and the exit status", async (t) => {
  t.same(sh("cat; echo problem >&2; exit 3", { input: sys.encodeUtf8("hello") }), {
    stdout: "hello",
    stderr: "problem\n",
    status: 3,
    signal: null,
  });
  t.same(sh("kill -KILL $$"), { stdout: "", stderr: "", status: null, signal: 9 });
  t.equal(sh("cat").stdout, "", "without input stdin is empty, not the caller's");
});

t.test("the environment is the one given, and nothing else is inherited", async (t) => {
  const { stdout } = exec("/usr/bin/env", { environ: { A: "1", B: "x=y" } });
  t.same(sys.decodeUtf8(stdout).trim().split("\n").sort(), ["A=1", "B=x=y"]);
  const inherited = openSync("/dev/null", "r");
  t.equal(sh("ls /proc/self/fd | wc -l").stdout.trim(), "4", "the standard ones and ls's own");
  closeSync(inherited);
});

t.test("more data than pipes hold, both ways at once", async (t) => {
  const { stdout, status } = sh("cat", { input: megabytes });
  t.equal(status, 0);
  t.equal(stdout.length, megabytes.length);
});

t.test("a child that writes much before it reads", async (t) => {
  const { stdout } = sh("head -c 1000000 /dev/zero; wc -c", { input: megabytes });
  t.equal(stdout.slice(1_000_000).trim(), "5000000");
});

t.test("a child that never reads", async (t) => {
  t.match(sh("exec <&-; echo done", { input: megabytes }), { stdout: "done\n", status: 0 });
  t.match(sh("echo done", { input: megabytes }), { stdout: "done\n", status: 0 });
});

t.test("a child that is slow, and one that closes its outputs early", async (t) => {
  t.match(sh("sleep 0.2; echo late"), { stdout: "late\n", status: 0 });
  t.match(sh("exec >&- 2>&-; cat > /dev/null; exit 7", { input: megabytes }), { status: 7 });
});

t.test("stderr is handed on as it comes, and its beginning is kept", async (t) => {
  let seen = 0;
  const { stderr } = exec("/bin/sh", {
    argv: ["sh", "-c", "head -c 200000 /dev/zero >&2"],
    environ,
    onStderr: (data) => {
      seen += data.length;
    },
  });
  t.equal(seen, 200_000);
  t.equal(stderr.length, 65_536);
});

t.test("output without end is cut off", async (t) => {
  const before = openDescriptors();
  const family = children();
  t.throws(() => sh("yes", { limit: 100_000 }), {
    message: "Cannot run /bin/sh: its output exceeds 100000 bytes",
  });
  t.same(openDescriptors(), before, "no descriptor is left open");
  t.equal(children(), family, "no zombie is left");
});

t.test("what cannot be started", async (t) => {
  const directory = t.testdir({ plain: "text", bad: "#!/no/such/interpreter\n" });
  const before = openDescriptors();
  sys.fchmod(sys.open(join(directory, "bad"), 0), 0o755);
  const descriptors = openDescriptors();
  t.throws(() => exec(join(directory, "missing"), { environ }), { code: "ENOENT" });
  t.throws(() => exec(join(directory, "plain"), { environ }), { code: "EACCES" });
  t.throws(() => exec(join(directory, "bad"), { environ }), { code: "ENOENT" });
  t.same(openDescriptors(), descriptors);
  t.equal(descriptors.length, before.length + 1);
});

t.test("a program that is still being written is waited for", async (t) => {
  const path = join(t.testdir({}), "program");
  writeFileSync(path, "#!/bin/sh\necho installed\n", { mode: 0o755 });
  // A shell that holds the file open for writing for a while, started beside us.
  const fd = sys.open("/dev/null", 2);
  const holder = sys.spawn(
    "/bin/sh",
    ["sh", "-c", `exec 3>>${path}; echo ready; sleep 0.3`],
    environ,
    [fd, fd, fd],
  );
  sys.close(fd);
  sys.poll([], 100);
  const { stdout } = exec(path, { environ });
  t.equal(sys.decodeUtf8(stdout), "installed\n");
  sys.waitpid(holder);
});
