import { existsSync, readFileSync, readlinkSync, statSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { constants as c, sys } from "../../src/sys/sys.ts";
import { fails } from "./support.ts";

t.test("names are given, changed and taken away", async (t) => {
  const folder = t.testdir({ a: "content" });
  const at = (name: string) => join(folder, name);
  sys.link(at("a"), at("b"));
  t.equal(statSync(at("a")).nlink, 2);
  sys.symlink("b", at("c"));
  t.equal(readlinkSync(at("c")), "b");
  t.equal(sys.readlink(at("c")), "b");
  t.equal(sys.realpath(at("c")), at("b"));
  t.equal(sys.lstat(at("c")).mode & c.S_IFMT, c.S_IFLNK);
  t.equal(sys.stat(at("c")).mode & c.S_IFMT, c.S_IFREG);
  sys.rename(at("b"), at("d"));
  t.equal(readFileSync(at("d"), "utf8"), "content");
  sys.unlink(at("c"));
  t.notOk(existsSync(at("c")));
  sys.mkdir(at("e"), 0o710);
  t.equal(statSync(at("e")).mode & 0o777, 0o710);
  t.same(sys.readdir(folder).sort(), ["a", "d", "e"]);
  t.same(sys.readdir(at("e")), []);
  sys.rmdir(at("e"));
  t.notOk(existsSync(at("e")));
});

t.test("a folder of many names is read whole", async (t) => {
  const folder = t.testdir();
  const names = Array.from({ length: 3000 }, (_, i) => `name-${i}`);
  for (const name of names) symlinkSync("/nowhere", join(folder, name));
  t.same(sys.readdir(folder).sort(), names.sort());
});

t.test("names are UTF-8 both ways", async (t) => {
  const folder = t.testdir();
  sys.mkdir(join(folder, "größe-日本-😀"), 0o755);
  t.same(sys.readdir(folder), ["größe-日本-😀"]);
});

t.test("statfs tells the file system", async (t) => {
  t.equal(sys.statfs("/proc"), 0x9fa0);
  t.equal(sys.statfs("/proc/self/ns/net"), 0x6e736673);
});

t.test("what is absent is null where that is asked for, and nothing else is", async (t) => {
  const folder = t.testdir({ file: "", loop: t.fixture("symlink", "loop") });
  const calls = {
    open: (path: string) => sys.open(path, c.O_RDONLY, 0, -1, true),
    readlink: (path: string) => sys.readlink(path, true),
    stat: (path: string) => sys.stat(path, true),
    lstat: (path: string) => sys.lstat(path, true),
  };
  for (const [syscall, call] of Object.entries(calls)) {
    t.equal(call(join(folder, "none")), null, syscall);
    t.equal(call(join(folder, "file/none")), null, syscall);
    const path = join(folder, "loop/none");
    fails(t, () => call(path), { code: "ELOOP", syscall, path });
  }
  t.equal(sys.stat(join(folder, "file"), true)?.size, 0);
  const path = join(folder, "none");
  fails(t, () => sys.stat(path, false as true), { code: "ENOENT", syscall: "stat", path });
});

t.test("what is refused names call, reason and file", async (t) => {
  const folder = t.testdir({ file: "", sub: { file: "" } });
  const path = "/nope/x";
  for (const [syscall, call] of Object.entries({
    rename: () => sys.rename(path, "/nope/y"),
    link: () => sys.link(path, "/nope/y"),
    readlink: () => sys.readlink(path),
    realpath: () => sys.realpath(path),
    unlink: () => sys.unlink(path),
    mkdir: () => sys.mkdir(path, 0o755),
    rmdir: () => sys.rmdir(path),
    stat: () => sys.stat(path),
    lstat: () => sys.lstat(path),
    statfs: () => sys.statfs(path),
    umount2: () => sys.umount(path, 0),
    open: () => sys.readdir(path),
  })) {
    fails(t, call, { code: "ENOENT", syscall, path });
  }
  const file = join(folder, "file");
  const sub = join(folder, "sub");
  fails(t, () => sys.mkdir(sub, 0o755), { code: "EEXIST", syscall: "mkdir", path: sub });
  fails(t, () => sys.rmdir(sub), { code: "ENOTEMPTY", syscall: "rmdir", path: sub });
  fails(t, () => sys.rmdir(file), { code: "ENOTDIR", syscall: "rmdir", path: file });
  fails(t, () => sys.readdir(file), { code: "ENOTDIR", syscall: "open", path: file });
  fails(t, () => sys.readlink(file), { code: "EINVAL", syscall: "readlink", path: file });
  fails(t, () => sys.symlink("target", file), {
    code: "EEXIST",
    syscall: "symlink",
    path: "target",
  });
  fails(t, () => sys.mount(null, path, "tmpfs", 0), { code: "ENOENT", syscall: "mount", path });
  fails(t, () => sys.umount(sub, 0), { code: "EINVAL", syscall: "umount2", path: sub });
  t.throws(() => sys.rename(path, "/nope/y"), {
    message: "ENOENT: no such file or directory, rename '/nope/x' -> '/nope/y'",
  });
});

t.test("a NUL does not end a path", async (t) => {
  const path = "/proc\0/x";
  for (const [syscall, call] of Object.entries({
    open: () => sys.open(path, c.O_RDONLY),
    rename: () => sys.rename("/nope", path),
    link: () => sys.link(path, "/nope"),
    symlink: () => sys.symlink(path, "/nope"),
    readlink: () => sys.readlink(path),
    realpath: () => sys.realpath(path),
    unlink: () => sys.unlink(path),
    mkdir: () => sys.mkdir(path, 0),
    rmdir: () => sys.rmdir(path),
    readdir: () => sys.readdir(path),
    stat: () => sys.stat(path),
    lstat: () => sys.lstat(path),
    statfs: () => sys.statfs(path),
    mount: () => sys.mount(null, path, null, 0),
    umount: () => sys.umount(path, 0),
    utimes: () => sys.utimes(path, 0),
  })) {
    fails(t, call, { code: "EINVAL", syscall, path });
  }
});

t.test("a mount binds a namespace to a name, and umount frees it", async (t) => {
  const path = join(t.testdir({ netns: "" }), "netns");
  const fd = sys.unshareNetns();
  sys.mount(`/proc/self/fd/${fd}`, path, null, c.MS_BIND);
  t.equal(sys.statfs(path), 0x6e736673);
  t.equal(sys.stat(path).ino, sys.fstat(fd).ino);
  sys.umount(path, c.MNT_DETACH);
  t.not(sys.statfs(path), 0x6e736673);
  sys.close(fd);
});
