import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { constants as c, sys } from "../../src/sys/sys.ts";
import { fails, inject } from "./support.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

t.test("a file is written, read and cut", async (t) => {
  const path = join(t.testdir(), "file");
  const fd = sys.open(path, c.O_RDWR | c.O_CREAT | c.O_EXCL, 0o640);
  t.equal(statSync(path).mode & 0o777, 0o640);
  t.equal(sys.write(fd, bytes("hello world")), 11);
  t.equal(sys.write(fd, bytes("")), 0);
  sys.fsync(fd);
  t.equal(readFileSync(path, "utf8"), "hello world");
  sys.ftruncate(fd, 5);
  sys.fchmod(fd, 0o4755);
  sys.fchown(fd, 12, 34);
  t.match(sys.fstat(fd), { size: 5, uid: 12, gid: 34 });
  sys.fchown(fd, -1, 56);
  t.match(sys.fstat(fd), { uid: 12, gid: 56 }, "-1 leaves an owner as it is");
  sys.fchmod(fd, 0o4755);
  t.equal(sys.fstat(fd).mode, c.S_IFREG | 0o4755);
  sys.close(fd);

  const again = sys.open(path, c.O_RDONLY);
  t.same(sys.read(again, 3), bytes("hel"));
  t.same(sys.read(again, 100), bytes("lo"));
  t.same(sys.read(again, 100), bytes(""), "the end");
  sys.close(again);
});

t.test("a view writes its own part of the buffer only", async (t) => {
  const path = join(t.testdir(), "file");
  const fd = sys.open(path, c.O_WRONLY | c.O_CREAT, 0o600);
  t.equal(sys.write(fd, bytes("0123456789").subarray(3, 6)), 3);
  sys.close(fd);
  t.equal(readFileSync(path, "utf8"), "345");
});

t.test("stat tells what Node tells", async (t) => {
  const path = join(t.testdir({ file: "content" }), "file");
  for (const known of [path, "/", "/dev/null", "/proc/self/exe"]) {
    const { dev, ino, mode, nlink, uid, gid, rdev, size, mtimeMs } = statSync(known);
    const told = sys.stat(known);
    t.match(told, { dev, ino, mode, nlink, uid, gid, rdev, size }, known);
    t.ok(Math.abs(told.mtime - mtimeMs / 1000) < 1e-3, `mtime of ${known}`);
  }
});

t.test("utimes sets what stat tells, with the fraction", async (t) => {
  const path = join(t.testdir({ file: "" }), "file");
  for (const time of [0, 1, 1_700_000_000, 1_700_000_000.123456, 4_000_000_000.75, -1.5]) {
    sys.utimes(path, time);
    t.equal(sys.stat(path).mtime, time);
    t.ok(Math.abs(statSync(path).atimeMs / 1000 - time) < 1e-3);
  }
  fails(t, () => sys.utimes("/nope/x", 1), {
    code: "ENOENT",
    syscall: "utimensat",
    path: "/nope/x",
  });
  t.throws(() => sys.utimes(path, Number.NaN), {
    name: "TypeError",
    message: "Cannot utimes: time must be a time in seconds",
  });
});

t.test("what is refused names call, reason and file", async (t) => {
  const folder = t.testdir({ file: "" });
  const path = join(folder, "file");
  fails(t, () => sys.open("/nope/x", c.O_RDONLY), {
    code: "ENOENT",
    syscall: "open",
    path: "/nope/x",
  });
  fails(t, () => sys.open(path, c.O_WRONLY | c.O_CREAT | c.O_EXCL, 0o600), {
    code: "EEXIST",
    syscall: "open",
    path,
  });
  fails(t, () => sys.open(folder, c.O_WRONLY), { code: "EISDIR", syscall: "open", path: folder });
  fails(t, () => sys.open(path, c.O_RDONLY | c.O_DIRECTORY), {
    code: "ENOTDIR",
    syscall: "open",
    path,
  });
  for (const [syscall, call] of Object.entries({
    close: () => sys.close(-1),
    read: () => sys.read(-1, 1),
    write: () => sys.write(-1, bytes("x")),
    fsync: () => sys.fsync(-1),
    ftruncate: () => sys.ftruncate(-1, 0),
    fchmod: () => sys.fchmod(-1, 0),
    fchown: () => sys.fchown(-1, 0, 0),
    fstat: () => sys.fstat(-1),
    flock: () => sys.flock(-1, c.LOCK_SH),
  })) {
    fails(t, call, { code: "EBADF", syscall });
  }
});

t.test("O_TMPFILE makes a file without a name", async (t) => {
  const fd = sys.open(t.testdir(), c.O_TMPFILE | c.O_RDWR, 0o600);
  t.equal(sys.fstat(fd).nlink, 0);
  sys.close(fd);
});

t.test("an interrupted call is made again", async (t) => {
  const path = join(t.testdir({ file: "content" }), "file");
  for (const call of ["openat", "read", "fsync", "flock", "ftruncate"]) {
    const { stdout, stderr } = inject(
      `${call}:error=EINTR:when=1..3`,
      `const fd = sys.open(${JSON.stringify(path)}, 2);
       const first = sys.read(fd, 3);
       sys.fsync(fd); sys.flock(fd, 6); sys.ftruncate(fd, 7);
       console.log(sys.decodeUtf8(first));`,
      "-P",
      path,
    );
    t.equal(stdout, "con\n", `${call} ${stderr}`);
  }
});

t.test("an interrupted close has closed, and is not made again", async (t) => {
  const path = join(t.testdir({ file: "" }), "file");
  const { stdout, stderr } = inject(
    "close:error=EINTR:when=1",
    `const fd = sys.open(${JSON.stringify(path)}, 0);
     sys.close(fd);
     // strace kept the call from the kernel, so the descriptor is open unless close came twice
     console.log(require("node:fs").existsSync("/proc/self/fd/" + fd));`,
    "-P",
    path,
  );
  t.equal(stdout, "true\n", stderr);
});

t.test("flock: two open files of the same path exclude each other", async (t) => {
  const path = join(t.testdir(), "lock");
  writeFileSync(path, "");
  const one = sys.open(path, c.O_RDWR);
  const two = sys.open(path, c.O_RDWR);
  sys.flock(one, c.LOCK_EX);
  fails(t, () => sys.flock(two, c.LOCK_EX | c.LOCK_NB), { code: "EAGAIN", syscall: "flock" });
  fails(t, () => sys.flock(two, c.LOCK_SH | c.LOCK_NB), { code: "EAGAIN", syscall: "flock" });
  sys.flock(one, c.LOCK_SH);
  sys.flock(two, c.LOCK_SH | c.LOCK_NB);
  fails(t, () => sys.flock(two, c.LOCK_EX | c.LOCK_NB), { code: "EAGAIN", syscall: "flock" });
  sys.flock(one, c.LOCK_UN);
  sys.flock(two, c.LOCK_EX | c.LOCK_NB);
  sys.close(two);
  sys.flock(one, c.LOCK_EX | c.LOCK_NB);
  sys.close(one);
});

t.test("flock waits for another process", async (t) => {
  const path = join(t.testdir({ lock: "" }), "lock");
  const [ready, signal] = sys.pipe();
  const pid = sys.spawn(
    "/usr/bin/flock",
    ["flock", path, "sh", "-c", "echo; sleep 0.3"],
    { PATH: "/usr/bin:/bin" },
    [0, signal, 2],
  );
  sys.read(ready, 1);
  const fd = sys.open(path, c.O_RDWR);
  const start = sys.clock(c.CLOCK_MONOTONIC);
  sys.flock(fd, c.LOCK_EX);
  t.ok(sys.clock(c.CLOCK_MONOTONIC) - start > 0.1, "it took until the other let go");
  t.same(sys.waitpid(pid), { status: 0, signal: null });
  for (const open of [fd, ready, signal]) sys.close(open);
});
