import t from "tap";
import { type Addon, sys } from "../../src/sys/sys.ts";

type Loose = Record<string, (...args: unknown[]) => unknown>;
const loose = sys as unknown as Loose;

/** Arguments that would do, were one of them not wrong: nothing here must reach the kernel. */
const good = { fd: -1, path: "/nope/x", data: new Uint8Array(0), number: 0 };
const { fd, path, data, number } = good;

const signatures: Partial<Record<keyof Addon, Array<[name: string, value: unknown]>>> = {
  open: [
    ["path", path],
    ["flags", number],
  ],
  close: [["fd", fd]],
  read: [
    ["fd", fd],
    ["length", number],
  ],
  write: [
    ["fd", fd],
    ["data", data],
  ],
  fsync: [["fd", fd]],
  ftruncate: [
    ["fd", fd],
    ["length", number],
  ],
  fchmod: [
    ["fd", fd],
    ["mode", number],
  ],
  fchown: [
    ["fd", fd],
    ["uid", number],
    ["gid", number],
  ],
  rename: [
    ["from", path],
    ["to", path],
  ],
  link: [
    ["from", path],
    ["to", path],
  ],
  symlink: [
    ["target", path],
    ["path", path],
  ],
  readlink: [["path", path]],
  realpath: [["path", path]],
  unlink: [["path", path]],
  mkdir: [
    ["path", path],
    ["mode", number],
  ],
  rmdir: [["path", path]],
  utimes: [
    ["path", path],
    ["time", number],
  ],
  readdir: [["path", path]],
  stat: [["path", path]],
  lstat: [["path", path]],
  fstat: [["fd", fd]],
  statfs: [["path", path]],
  flock: [
    ["fd", fd],
    ["operation", number],
  ],
  mount: [
    ["source", path],
    ["target", path],
    ["type", path],
    ["flags", number],
  ],
  umount: [
    ["target", path],
    ["flags", number],
  ],
  socket: [
    ["domain", number],
    ["type", number],
    ["protocol", number],
  ],
  bind: [
    ["fd", fd],
    ["address", data],
  ],
  connect: [
    ["fd", fd],
    ["address", data],
  ],
  listen: [
    ["fd", fd],
    ["backlog", number],
  ],
  accept: [["fd", fd]],
  getsockname: [["fd", fd]],
  setsockopt: [
    ["fd", fd],
    ["level", number],
    ["name", number],
    ["value", data],
  ],
  getsockopt: [
    ["fd", fd],
    ["level", number],
    ["name", number],
    ["length", number],
  ],
  shutdown: [
    ["fd", fd],
    ["how", number],
  ],
  socketpair: [
    ["domain", number],
    ["type", number],
  ],
  sendDescriptors: [
    ["fd", fd],
    ["descriptors", []],
  ],
  attachFilter: [
    ["fd", fd],
    ["program", data],
  ],
  catchSignals: [["signals", []]],
  send: [
    ["fd", fd],
    ["data", data],
    ["flags", number],
  ],
  recv: [
    ["fd", fd],
    ["flags", number],
  ],
  ioctl: [
    ["fd", fd],
    ["request", number],
    ["data", data],
  ],
  poll: [
    ["fds", []],
    ["timeout", number],
  ],
  spawn: [
    ["path", path],
    ["argv", []],
    ["environ", {}],
    ["stdio", [0, 1, 2]],
  ],
  waitpid: [["pid", number]],
  kill: [
    ["pid", number],
    ["signal", number],
  ],
  clock: [["id", number]],
  random: [["length", number]],
  digest: [["data", data]],
  encodeUtf8: [["text", path]],
  decodeUtf8: [["data", data]],
};

for (const [call, parameters] of Object.entries(signatures)) {
  t.test(call, async (t) => {
    const values = parameters.map(([, value]) => value);
    parameters.forEach(([name], index) => {
      for (const wrong of [undefined, true, Symbol("x"), () => 0, new Uint16Array(2)]) {
        const args = values.map((value, i) => (i === index ? wrong : value));
        const message = `Cannot ${call}: ${name} must be `;
        t.throws(() => loose[call]?.(...args), {
          name: "TypeError",
          message: new RegExp(`^${message}`),
        });
      }
    });
  });
}

t.test("every function that takes arguments is in the table above", async (t) => {
  const none = ["argv", "environ", "executable", "getpid", "setsid", "unshareNetns", "pipe"];
  const other = ["exit", "constants"]; // tried in process.test.ts and constants.test.ts
  t.same([...Object.keys(signatures), ...none, ...other].sort(), Object.keys(sys).sort());
});

t.test("numbers are whole and within range", async (t) => {
  const range = "an integer from -2147483648 to 2147483647";
  for (const wrong of [
    1.5,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    2 ** 31,
    -(2 ** 31) - 1,
    "1",
    1n,
    null,
  ]) {
    t.throws(() => loose.close?.(wrong), { message: `Cannot close: fd must be ${range}` });
  }
  t.throws(() => loose.open?.(path, 2 ** 32), {
    message: "Cannot open: flags must be an integer from -2147483648 to 4294967295",
  });
  t.throws(() => loose.ftruncate?.(fd, -1), {
    message: "Cannot ftruncate: length must be an integer from 0 to 9007199254740991",
  });
});

t.test("a nested value is checked too", async (t) => {
  t.throws(() => loose.spawn?.(path, [1], {}, [0, 1, 2]), {
    message: "Cannot spawn: argv must be a string",
  });
  t.throws(() => loose.spawn?.(path, [], { A: 1 }, [0, 1, 2]), {
    message: "Cannot spawn: environ must be a string",
  });
  t.throws(() => loose.spawn?.(path, [], {}, [0, 1]), {
    message: "Cannot spawn: stdio must be three descriptors",
  });
  t.throws(() => loose.socket?.(1, 1, 0, "x"), {
    message: "Cannot socket: netns must be an integer from -1 to 2147483647",
  });
  t.throws(() => loose.send?.(fd, data, 0, "x"), {
    message: "Cannot send: address must be a Uint8Array",
  });
});

t.test("a buffer that cannot be had is an error, not the end of the process", async (t) => {
  t.throws(() => sys.read(-1, 2 ** 31), { name: "TypeError" });
  t.throws(() => sys.read(-1, 2 ** 31 - 1), { code: "EBADF" });
});
