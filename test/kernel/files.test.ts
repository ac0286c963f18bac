import { spawn, spawnSync } from "node:child_process";
import {
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  utimesSync,
} from "node:fs";
import { join } from "node:path";
import t from "tap";
import * as files from "../../src/kernel/files.ts";
import { sys } from "../../src/sys/sys.ts";

const mode = (path: string) => (statSync(path).mode & 0o777).toString(8);

t.test("readFile", (t) => {
  const dir = t.testdir({ small: "héllo", empty: "", big: "x".repeat(200_000) });
  t.equal(files.readText(`${dir}/small`), "héllo");
  t.equal(files.readText(`${dir}/empty`), "");
  t.equal(files.readText(`${dir}/big`), "x".repeat(200_000));
  t.same(files.readFile(`${dir}/small`), new Uint8Array(Buffer.from("héllo")));
  t.equal(files.readFile(`${dir}/none`), null);
  t.equal(files.readFile(`${dir}/small/below`), null, "below a file there is nothing");
  t.match(files.readText("/proc/self/stat"), /^\d+ /, "files without a size");
  t.throws(() => files.readFile(dir), {
    message: `Cannot read ${dir}: EISDIR: is a directory, read`,
    code: "EISDIR",
  });
  t.end();
});

t.test("writeAtomic", (t) => {
  const dir = t.testdir({});
  const path = join(dir, "a");
  files.writeAtomic(path, "one");
  t.equal(readFileSync(path, "utf8"), "one");
  t.equal(mode(path), "600");
  const before = statSync(path).ino;
  files.writeAtomic(path, new Uint8Array([0x74, 0x77, 0x6f]), { mode: 0o644, sync: false });
  t.equal(readFileSync(path, "utf8"), "two");
  t.equal(mode(path), "644");
  t.not(statSync(path).ino, before, "a reader of the old file keeps it whole");
  files.writeAtomic(path, "three", { locked: true });
  t.equal(readFileSync(path, "utf8"), "three");
  t.same(readdirSync(dir), ["a"], "no temporary file");
  t.throws(() => files.writeAtomic(join(dir, "none/a"), "x"), {
    message: /^Cannot write .*\/none\/a: ENOENT/,
    code: "ENOENT",
  });
  mkdirSync(join(dir, "taken"));
  t.throws(() => files.writeAtomic(join(dir, "taken"), "x"), { code: "EISDIR" });
  t.same(readdirSync(dir).sort(), ["a", "taken"], "no temporary file after a failure");
  t.end();
});

t.test("createExclusive", (t) => {
  for (const locked of [false, true]) {
    const dir = t.testdir({});
    const path = join(dir, "a");
    t.equal(files.createExclusive(path, "one", { locked }), true);
    t.equal(files.createExclusive(path, "two", { locked }), false);
    t.equal(readFileSync(path, "utf8"), "one");
    t.equal(mode(path), "600");
    t.equal(statSync(path).nlink, 1);
    t.same(readdirSync(dir), ["a"], "no temporary file");
  }
  t.end();
});

t.test("remains of killed writers are taken over", (t) => {
  const writers = { writeAtomic: files.writeAtomic, createExclusive: files.createExclusive };
  for (const locked of [false, true]) {
    for (const [name, write] of Object.entries(writers)) {
      const what = `${name}, locked: ${locked}`;
      const dir = t.testdir({ [files.temporaryName]: "something long of a killed writer" });
      write(join(dir, "a"), "new", { locked });
      t.same(readdirSync(dir), ["a"], what);
      t.equal(readFileSync(join(dir, "a"), "utf8"), "new", what);

      // Killed between link(2) and unlink(2): the temporary file is a published one.
      linkSync(join(dir, "a"), join(dir, files.temporaryName));
      write(join(dir, "b"), "other", { locked });
      t.same(readdirSync(dir), ["a", "b"], what);
      t.equal(readFileSync(join(dir, "a"), "utf8"), "new", `${what}: what is published stays`);
      t.equal(readFileSync(join(dir, "b"), "utf8"), "other", what);
    }
  }
  t.end();
});

t.test("a symbolic link in place of the temporary file is not followed", (t) => {
  const dir = t.testdir({ victim: "precious" });
  for (const locked of [false, true]) {
    if (!existsSync(join(dir, files.temporaryName))) {
      symlinkSync(join(dir, "victim"), join(dir, files.temporaryName));
    }
    try {
      files.writeAtomic(join(dir, "a"), "x", { locked });
    } catch (error) {
      t.match(error, { code: "ELOOP" });
    }
    t.equal(readFileSync(join(dir, "victim"), "utf8"), "precious");
  }
  t.end();
});

/** A process that works on `dir` with the functions under test; told by `code` what to do. */
function process(code: string) {
  const script = `import * as files from "./src/kernel/files.ts";\n${code}`;
  const child = spawn("npx", ["tsx", "--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let stdout = "";
  child.stdout.on("data", (data) => {
    stdout += data;
  });
  return new Promise<string>((resolve) => child.on("close", () => resolve(stdout)));
}

t.test("writers at the same time", async (t) => {
  const dir = t.testdir({});
  const code = (who: number) => `
    const won = [];
    for (let i = 0; i < 200; i++) {
      files.writeAtomic("${dir}/shared", "${who}".repeat(1000 + i), { sync: false });
      if (files.createExclusive("${dir}/only-" + i, "${who}".repeat(500), { sync: false })) won.push(i);
      const seen = files.readText("${dir}/shared");
      if (!/^(.)\\1{999,}$/.test(seen)) throw new Error("torn: " + seen.length);
    }
    console.log(JSON.stringify(won));`;
  const all = await Promise.all([1, 2, 3].map((who) => process(code(who))));
  const won = all.map((text) => JSON.parse(text) as number[]);
  const expected = Array.from({ length: 200 }, (_, i) => i);
  t.same(
    won.flat().sort((a, b) => a - b),
    expected,
    "each name has one winner",
  );
  for (const [who, names] of won.entries()) {
    for (const i of names) {
      const text = readFileSync(join(dir, `only-${i}`), "utf8");
      if (text !== String(who + 1).repeat(500)) t.fail(`only-${i} is not its winner's`);
    }
  }
  t.notOk(existsSync(join(dir, files.temporaryName)));
});

t.test("withLock", async (t) => {
  const dir = t.testdir({ counter: "0" });
  const code = `
    for (let i = 0; i < 100; i++) files.withLock("${dir}", () => {
      const count = Number(files.readText("${dir}/counter"));
      files.writeAtomic("${dir}/counter", String(count + 1), { sync: false, locked: true });
    });`;
  await Promise.all([process(code), process(code), process(code)]);
  t.equal(readFileSync(join(dir, "counter"), "utf8"), "300");
  t.same(readdirSync(dir).sort(), ["counter", "lock"], "in a directory it is the file `lock`");
  t.equal(mode(join(dir, "lock")), "750");
  t.equal(statSync(join(dir, "lock")).size, 0);

  t.equal(
    files.withLock(join(dir, "other.lock"), () => "value"),
    "value",
  );
  t.ok(existsSync(join(dir, "other.lock")));
  const held = files.withLock(
    join(dir, "other.lock"),
    () => spawnSync("flock", ["-n", join(dir, "other.lock"), "true"]).status,
  );
  t.equal(held, 1, "flock(1) is kept out");
  t.throws(
    () =>
      files.withLock(dir, () => {
        throw new Error("within");
      }),
    /within/,
  );
  t.equal(spawnSync("flock", ["-n", join(dir, "lock"), "true"]).status, 0, "let go on a throw");
  t.throws(() => files.withLock(join(dir, "none/lock"), () => 0), {
    message: /^Cannot lock .*none\/lock: ENOENT/,
    code: "ENOENT",
  });
});

t.test("makeDirectories", (t) => {
  const dir = t.testdir({ file: "" });
  files.makeDirectories(join(dir, "a/b/c"));
  t.equal(mode(join(dir, "a/b/c")), "755");
  files.makeDirectories(join(dir, "a/b/c"));
  files.makeDirectories(`${dir}/a/d/`, 0o700);
  t.equal(mode(join(dir, "a/d")), "700");
  const path = join(dir, "file");
  t.throws(() => files.makeDirectories(path), {
    message: `Cannot make directory ${path}: EEXIST: file exists, mkdir '${path}'`,
  });
  t.throws(() => files.makeDirectories(join(path, "x/y")), { code: "ENOTDIR" });
  t.end();
});

t.test("list, remove, exists", (t) => {
  const dir = t.testdir({ a: "", b: "" });
  t.same(files.list(dir).sort(), ["a", "b"]);
  t.same(files.list(join(dir, "none")), []);
  symlinkSync("nowhere", join(dir, "link"));
  t.equal(files.exists(join(dir, "link")), true, "a link is there, wherever it leads");
  t.equal(files.remove(join(dir, "link")), true);
  t.equal(files.exists(join(dir, "link")), false);
  t.equal(files.remove(join(dir, "a")), true);
  t.equal(files.remove(join(dir, "a")), false);
  t.same(files.list(dir), ["b"]);
  t.throws(() => files.remove(dir), { message: /^Cannot remove / });
  t.end();
});

t.test("links and times", (t) => {
  const dir = t.testdir({});
  const path = join(dir, "link");
  t.equal(files.readLink(path), null);
  files.writeLink(path, "some/text");
  t.equal(readlinkSync(path), "some/text");
  files.writeLink(path, "other");
  t.equal(files.readLink(path), "other");
  t.ok(lstatSync(path).isSymbolicLink());

  files.setChangedAt(dir, 1_000_000_000);
  t.equal(statSync(dir).mtimeMs, 1_000_000_000_000);
  t.equal(files.changedAt(dir), 1_000_000_000);
  utimesSync(dir, 5, 7);
  t.equal(files.changedAt(dir), 7);
  t.equal(files.changedAt(join(dir, "none")), null);
  t.throws(() => files.setChangedAt(join(dir, "none"), 1), { code: "ENOENT" });
  t.end();
});

t.test("a full file system: nothing is left, and the old content stays", (t) => {
  const code = `
    import { readdirSync } from "node:fs";
    files.writeAtomic("/mnt/old", "old");
    files.writeAtomic("/mnt/filler", "f".repeat(60 * 1024), { sync: false });
    const said = [];
    for (const locked of [false, true]) {
      for (const write of [files.writeAtomic, files.createExclusive]) {
        try { write("/mnt/new", "n".repeat(64 * 1024), { locked }); said.push("written"); }
        catch (error) { said.push(error.message); }
      }
      try { files.writeAtomic("/mnt/old", "n".repeat(64 * 1024), { locked }); said.push("written"); }
      catch (error) { said.push(error.message); }
    }
    console.log(JSON.stringify({ said, old: files.readText("/mnt/old"), names: readdirSync("/mnt") }));`;
  const script = `import * as files from "./src/kernel/files.ts";\n${code}`;
  const mount = 'mount -t tmpfs -o size=96k tmpfs /mnt && exec npx tsx --input-type=module -e "$0"';
  const done = spawnSync("unshare", ["--mount", "sh", "-c", mount, script], { encoding: "utf8" });
  t.equal(done.stderr, "");
  const { said, old, names } = JSON.parse(done.stdout);
  t.equal(said.length, 6);
  for (const message of said) {
    t.match(message, /^Cannot write \/mnt\/(new|old): ENOSPC: no space left on device/);
  }
  t.equal(old, "old");
  t.same(names.sort(), ["filler", "old"]);
  t.end();
});

t.test("a short write goes on where it stopped", (t) => {
  const dir = t.testdir({});
  const { write } = sys;
  t.teardown(() => Object.assign(sys, { write }));
  Object.assign(sys, { write: (fd: number, data: Uint8Array) => write(fd, data.subarray(0, 3)) });
  files.writeAtomic(join(dir, "a"), "0123456789");
  t.equal(readFileSync(join(dir, "a"), "utf8"), "0123456789");
  t.end();
});
