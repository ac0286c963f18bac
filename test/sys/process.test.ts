import { realpathSync } from "node:fs";
import { constants as os } from "node:os";
import { fileURLToPath } from "node:url";
import t from "tap";
import { constants as c, sys } from "../../src/sys/sys.ts";
import { fails, inNode } from "./support.ts";

t.test("this process is told as Node tells it", async (t) => {
  t.equal(sys.getpid(), process.pid);
  t.same(sys.argv(), process.argv.slice(1));
  t.equal(sys.executable(), realpathSync(fileURLToPath(import.meta.url)));
  t.same(sys.environ(), { ...process.env });
});

t.test(
  "the bare addon knows the file of the process, and no arguments before main gave any",
  async (t) => {
    const { stdout } = inNode("console.log(JSON.stringify([sys.executable(), sys.argv()]))");
    t.same(JSON.parse(stdout), [realpathSync(process.execPath), []]);
  },
);

t.test("of a variable that is set twice the first value counts, as in getenv", async (t) => {
  // bash passes on what env -i was given; only a program of its own can start one with both.
  const program = `
import ctypes, sys
libc = ctypes.CDLL(None)
strings = lambda list: (ctypes.c_char_p * (len(list) + 1))(*[s.encode() for s in list], None)
libc.execve(sys.argv[1].encode(), strings(sys.argv[1:]), strings(
    ["A=1", "B=x=y", "A=2", "toString=3", "nothing", "=none", "EMPTY="]))`;
  const { stdout, stderr } = inNode("console.log(JSON.stringify(sys.environ()))", [
    "python3",
    "-c",
    program,
  ]);
  t.equal(stderr, "");
  t.same(JSON.parse(stdout), { A: "1", B: "x=y", toString: "3", EMPTY: "" });
});

t.test("exit leaves at once with its status", async (t) => {
  for (const status of [0, 1, 255]) {
    const end = inNode(`try { sys.exit(${status}) } finally { console.log("still here") }`);
    t.match(end, { status, stdout: "" });
  }
  t.match(inNode("sys.exit(256)"), {
    status: 1,
    stderr: /TypeError: Cannot exit: status must be an integer from 0 to 255/,
  });
});

t.test("kill and waitpid", async (t) => {
  const pid = sys.spawn("/bin/sleep", ["sleep", "60"], {}, [0, 1, 2]);
  sys.kill(pid, 0);
  sys.kill(pid, c.SIGTERM);
  t.same(sys.waitpid(pid), { status: null, signal: os.signals.SIGTERM });
  fails(t, () => sys.waitpid(pid), { code: "ECHILD", syscall: "waitpid" });
  fails(t, () => sys.kill(pid, 0), { code: "ESRCH", syscall: "kill" });
  fails(t, () => sys.kill(process.pid, 999), { code: "EINVAL", syscall: "kill" });
});

t.test("pipe", async (t) => {
  const [read, write] = sys.pipe();
  sys.write(write, Uint8Array.of(1, 2, 3));
  t.same(sys.read(read, 10), Uint8Array.of(1, 2, 3));
  sys.close(write);
  t.same(sys.read(read, 10), new Uint8Array(0), "the end");
  sys.close(read);
});

t.test("clock", async (t) => {
  t.ok(Math.abs(sys.clock(c.CLOCK_REALTIME) - Date.now() / 1000) < 1);
  const start = sys.clock(c.CLOCK_MONOTONIC);
  t.ok(Math.abs(start - Number(process.hrtime.bigint()) / 1e9) < 1);
  t.ok(sys.clock(c.CLOCK_BOOTTIME) >= start);
  t.not(start % 1, 0, "finer than a second");
  fails(t, () => sys.clock(99), { code: "EINVAL", syscall: "clock_gettime" });
});

t.test("random", async (t) => {
  t.same(sys.random(0), new Uint8Array(0));
  t.equal(sys.random(256).length, 256);
  t.notSame(sys.random(16), sys.random(16));
  t.throws(() => sys.random(257), {
    name: "TypeError",
    message: "Cannot random: length must be an integer from 0 to 256",
  });
});
