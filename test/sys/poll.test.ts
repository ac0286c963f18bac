import { spawn } from "node:child_process";
import t from "tap";
import { constants as c, sys } from "../../src/sys/sys.ts";
import { fails } from "./support.ts";

function timed<T>(call: () => T): { result: T; milliseconds: number } {
  const start = sys.clock(c.CLOCK_MONOTONIC);
  const result = call();
  return { result, milliseconds: (sys.clock(c.CLOCK_MONOTONIC) - start) * 1000 };
}

t.test("tells which descriptors are ready, and for what", async (t) => {
  const [read, write] = sys.pipe();
  const fds = [read, c.POLLIN, write, c.POLLOUT];
  t.same(sys.poll(fds, 1000), [0, c.POLLOUT]);
  sys.write(write, Uint8Array.of(1));
  t.same(sys.poll(fds, -1), [c.POLLIN, c.POLLOUT]);
  sys.close(write);
  t.same(sys.poll([read, c.POLLIN], 1000), [c.POLLIN | c.POLLHUP]);
  sys.close(read);
  const POLLNVAL = 32;
  t.same(
    sys.poll([read, c.POLLIN, -1, c.POLLIN], 1000),
    [POLLNVAL, 0],
    "a negative one is ignored",
  );
});

t.test("gives up when the time is over", async (t) => {
  const [read, write] = sys.pipe();
  const { result, milliseconds } = timed(() => sys.poll([read, c.POLLIN], 60));
  t.same(result, [0]);
  t.ok(milliseconds >= 59, `${milliseconds} ms`);
  t.same(sys.poll([read, c.POLLIN], 0), [0]);
  t.ok(timed(() => sys.poll([], 30)).milliseconds >= 29, "without descriptors it just waits");
  for (const fd of [read, write]) sys.close(fd);
});

t.test("signals neither end nor prolong the wait", async (t) => {
  const count = 0;
  const handler = () => count;
  process.on("SIGUSR2", handler);
  // A wait that begins anew with each would last until 0.3 s after the last of them.
  const script = `for i in $(seq 20); do sleep 0.1; kill -USR2 ${process.pid}; done`;
  const child = spawn("/bin/sh", ["-c", script], { stdio: "ignore" });
  const ended = new Promise((resolve) => child.on("exit", resolve));
  const { result, milliseconds } = timed(() => sys.poll([], 300));
  t.same(result, []);
  t.ok(milliseconds >= 299 && milliseconds < 2000, `${milliseconds} ms`);
  await ended;
  process.off("SIGUSR2", handler);
});

t.test("odd lists and bad times are refused", async (t) => {
  const refused = (fds: unknown, timeout: unknown, message: string) =>
    t.throws(() => sys.poll(fds as number[], timeout as number), { name: "TypeError", message });
  refused([1], 0, "Cannot poll: fds must be pairs of descriptor and events");
  refused(1, 0, "Cannot poll: fds must be an array");
  refused(["1", 2], 0, "Cannot poll: fds must be an integer from -2147483648 to 2147483647");
  refused([], -2, "Cannot poll: timeout must be an integer from -1 to 2147483647");
  refused([], undefined, "Cannot poll: timeout must be an integer from -1 to 2147483647");
  const many = Array.from({ length: 2 * 2_000_000 }, () => 0);
  fails(t, () => sys.poll(many, 0), { code: "EINVAL", syscall: "poll" });
});
