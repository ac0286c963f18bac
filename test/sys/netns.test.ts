import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import t from "tap";
import { constants as c, sys } from "../../src/sys/sys.ts";
import { fails, inject } from "./support.ts";

const own = () => readlinkSync("/proc/thread-self/ns/net");
const open = () => readdirSync("/proc/self/fd").length;

function readIn(netns: number | undefined, path: string): string {
  const fd = sys.open(path, c.O_RDONLY, 0, netns);
  const text = sys.decodeUtf8(sys.read(fd, 65536));
  sys.close(fd);
  return text;
}

t.test("a fresh namespace is another one, and we are not in it", async (t) => {
  const before = own();
  const count = open();
  const netns = sys.unshareNetns();
  t.equal(own(), before);
  t.not(`net:[${sys.fstat(netns).ino}]`, before);
  t.equal(open(), count + 1);
  sys.close(netns);
});

t.test("a file is opened as seen from a namespace", async (t) => {
  const before = own();
  const netns = sys.unshareNetns();
  const path = "/proc/sys/net/ipv4/conf/lo/forwarding";
  const mine = readFileSync(path, "utf8");
  const fd = sys.open(path, c.O_WRONLY, 0, netns);
  sys.write(fd, sys.encodeUtf8(mine.startsWith("0") ? "1" : "0"));
  sys.close(fd);
  t.not(readIn(netns, path), mine, "changed there");
  t.equal(readFileSync(path, "utf8"), mine, "unchanged here");
  t.equal(readIn(-1, path), mine, "-1 is here");
  t.equal(readIn(undefined, path), mine);
  fails(t, () => sys.open("/proc/sys/net/nope", c.O_RDONLY, 0, netns), {
    code: "ENOENT",
    syscall: "open",
    path: "/proc/sys/net/nope",
  });
  t.equal(own(), before);
  sys.close(netns);
});

t.test("a socket belongs to the namespace it was opened in", async (t) => {
  const before = own();
  const netns = sys.unshareNetns();
  const there = sys.socket(c.AF_INET, c.SOCK_STREAM, 0, netns);
  const here = sys.socket(c.AF_INET, c.SOCK_STREAM, 0);
  const loopback = Uint8Array.of(c.AF_INET, 0, 0, 0, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0);
  sys.bind(here, loopback);
  sys.listen(here, 1);
  const address = sys.getsockname(here);
  fails(t, () => sys.connect(there, address), { code: "ENETUNREACH", syscall: "connect" });
  fails(t, () => sys.socket(c.AF_INET, 99, 0, netns), { code: "EINVAL", syscall: "socket" });
  t.equal(own(), before);
  for (const fd of [netns, there, here]) sys.close(fd);
});

t.test("what is no network namespace is refused, and nothing stays open", async (t) => {
  const count = open();
  const before = own();
  const file = sys.open("/proc/self/ns/uts", c.O_RDONLY);
  fails(t, () => sys.socket(c.AF_INET, c.SOCK_DGRAM, 0, file), {
    code: "EINVAL",
    syscall: "setns",
  });
  fails(t, () => sys.open("/", c.O_RDONLY, 0, file), { code: "EINVAL", syscall: "setns" });
  sys.close(file);
  fails(t, () => sys.open("/", c.O_RDONLY, 0, 999), { code: "EBADF", syscall: "setns" });
  t.throws(() => sys.open("/", c.O_RDONLY, 0, -2), { name: "TypeError" });
  t.equal(own(), before);
  t.equal(open(), count);
});

t.test("unshare and open may fail: we are back, and nothing stays open", async (t) => {
  const code = `
    const fs = require("node:fs");
    const state = () => fs.readlinkSync("/proc/thread-self/ns/net") + fs.readdirSync("/proc/self/fd").length;
    const before = state();
    let message;
    try { sys.unshareNetns(); } catch (error) { message = error.message; }
    const after = state();
    console.log(message, before === after);`;
  const unshare = inject("unshare:error=EPERM:when=1", code);
  t.equal(unshare.stdout, "EPERM: operation not permitted, unshare true\n", unshare.stderr);
  const path = "/proc/thread-self/ns/net";
  for (const when of [1, 2]) {
    const { stdout, stderr } = inject(`openat:error=EMFILE:when=${when}`, code, "-P", path);
    t.equal(stdout, `EMFILE: too many open files, open '${path}' true\n`, stderr);
  }
});

t.test("no way back: the process ends at once", async (t) => {
  const ways = {
    unshareNetns: ["setns:error=EPERM:when=1", "sys.unshareNetns()"],
    open: ["setns:error=EPERM:when=3", "sys.open('/', 0, 0, sys.unshareNetns())"],
    socket: ["setns:error=EPERM:when=3", "sys.socket(2, 2, 0, sys.unshareNetns())"],
  } as const;
  for (const [name, [fault, call]] of Object.entries(ways)) {
    const { signal, stdout, stderr } = inject(
      fault,
      `try { ${call} } finally { console.log("still here"); }`,
    );
    t.equal(signal, "SIGABRT", name);
    t.equal(stdout, "");
    t.match(
      stderr,
      /cnibox: cannot return to the own network namespace: Operation not permitted\n/,
    );
  }
});
