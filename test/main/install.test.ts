/** `--install`: links or copies in a directory that a runtime may be using. */
import { spawn } from "node:child_process";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import t from "tap";
import { applets, plugins } from "../../src/applets/mod.ts";
import { directory as temporary } from "../harness/directory.ts";
import { onNode } from "../harness/hosts.ts";
import { executable, run } from "./program.ts";

const names = [...plugins, "cnibox"].sort();
const install = (...args: string[]) => run(executable, ["--install", ...args]);
const visible = (directory: string) =>
  readdirSync(directory)
    .filter((name) => !name.startsWith("."))
    .sort();
/** What a second look must find unchanged. */
const identities = (directory: string) =>
  visible(directory).map((name) => {
    const { ino, mtimeMs, mode } = lstatSync(join(directory, name));
    return [name, ino, mtimeMs, mode];
  });

/** What the executable does, and the script on Node refuses. */
const installs = (name: string, body: (test: typeof t) => Promise<void>) =>
  t.test(name, { skip: onNode }, (test) => body(test as typeof t));

installs("the executable and a relative link for each plugin", async (t) => {
  const directory = temporary(t, { "other-plugin": "foreign" });
  const done = install(directory);
  t.match(done, { status: 0, stderr: "" });
  const lines = done.stdout.trimEnd().split("\n");
  t.equal(lines[0], `installed ${directory}/cnibox`, "the executable comes first");
  t.equal(lines.length, names.length + 1);
  t.equal(lines[names.length], `${names.length} installed, 0 already there`);
  t.same(visible(directory), [...names, "other-plugin"].sort());
  t.ok(readFileSync(join(directory, "cnibox")).equals(readFileSync(executable)));
  t.equal(statSync(join(directory, "cnibox")).mode & 0o777, 0o755);
  for (const name of plugins) t.equal(readlinkSync(join(directory, name)), "cnibox");
  t.equal(readFileSync(join(directory, "other-plugin"), "utf8"), "foreign");
});

installs("--all takes the sample, too", async (t) => {
  const directory = temporary(t);
  t.equal(install("--all", directory).status, 0);
  t.same(visible(directory), [...applets, "cnibox"].sort());
  t.notOk(names.includes("sample"));
});

installs("a second time it changes nothing", async (t) => {
  for (const method of [[], ["--hard"], ["--copy"]]) {
    const directory = temporary(t);
    t.equal(install(...method, directory).status, 0);
    const before = identities(directory);
    t.equal(install(...method, directory).stdout, `0 installed, ${names.length} already there\n`);
    t.same(identities(directory), before, method.join() || "symbolic");
  }
});

installs("--hard makes names of one file, --copy makes files", async (t) => {
  const hard = temporary(t);
  install("--hard", hard);
  const inodes = new Set(names.map((name) => lstatSync(join(hard, name)).ino));
  t.equal(inodes.size, 1);

  const copied = temporary(t);
  install("--copy", copied);
  for (const name of names) {
    const { nlink, mode, size } = lstatSync(join(copied, name));
    t.same([nlink, mode & 0o7777, size], [1, 0o755, statSync(executable).size], name);
  }
});

installs("one method replaces the other, and what stood there before", async (t) => {
  const directory = temporary(t, { bridge: "an old Go plugin" });
  symlinkSync("/no/such/target", join(directory, "loopback"));
  for (const [method, type] of [
    ["--copy", "isFile"],
    [undefined, "isSymbolicLink"],
    ["--hard", "isFile"],
    [undefined, "isSymbolicLink"],
    ["--copy", "isFile"],
  ] as const) {
    t.equal(install(...(method ? [method] : []), directory).status, 0);
    for (const name of plugins) {
      t.ok(lstatSync(join(directory, name))[type](), `${name} by ${method ?? "link"}`);
      t.ok(readFileSync(join(directory, name)).equals(readFileSync(executable)));
    }
    t.ok(lstatSync(join(directory, "cnibox")).isFile());
    t.same(visible(directory), names);
  }
  t.same(
    readdirSync(directory).filter((name) => name.startsWith(".cnibox-link")),
    [],
    "no temporary name is left",
  );
});

installs("an older executable is replaced, a running one too", async (t) => {
  const directory = temporary(t);
  install(directory);
  const target = join(directory, "cnibox");
  const child = spawn(target, ["loopback"], { env: { CNI_COMMAND: "ADD", CNI_PATH: "/" } });
  writeFileSync(join(directory, "fresh"), "an older version", { mode: 0o755 });
  const older = temporary(t, { cnibox: "an older version" });
  t.match(install(older).stdout, /^installed .*cnibox\n/);
  t.match(install(directory).stdout, /^0 installed/);
  child.kill();
  await new Promise((resolve) => child.on("exit", resolve));
});

installs("there is no moment without a plugin", async (t) => {
  const directory = temporary(t);
  install(directory);
  const bridge = join(directory, "bridge");
  const version = { CNI_COMMAND: "VERSION" };
  const children = Array.from({ length: 6 }, (_, i) =>
    spawn(executable, ["--install", ...(i % 2 ? ["--hard"] : ["--copy"]), directory], {
      stdio: "ignore",
    }),
  );
  const exits = children.map(
    (child) => new Promise<number | null>((resolve) => child.on("exit", resolve)),
  );
  let running = true;
  void Promise.all(exits).then(() => {
    running = false;
  });
  let looks = 0;
  while (running) {
    looks++;
    if (!existsSync(bridge) || run(bridge, [], { env: version }).status !== 0) {
      t.fail("the plugin was missing or broken");
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  t.ok(looks > 0);
  t.same(await Promise.all(exits), [0, 0, 0, 0, 0, 0], "six at once, and none failed");
});

t.test("a script is not installed", { skip: !onNode }, async (t) => {
  const directory = temporary(t);
  t.match(install(directory), { status: 1, stdout: "", stderr: /nothing without its addon\n$/ });
  t.same(readdirSync(directory), []);
});

t.test("mistakes", async (t) => {
  const directory = temporary(t, { file: "" });
  t.match(install(), { status: 1, stderr: /^cnibox: --install takes one directory\nUsage: / });
  t.match(install("a", "b"), { status: 1, stderr: /takes one directory/ });
  t.match(install("--soft", directory), { status: 1, stderr: /^cnibox: unknown option --soft\n/ });
  t.same(install(join(directory, "missing")), {
    status: 1,
    stdout: "",
    stderr: `cnibox: Cannot install into ${directory}/missing: no directory\n`,
  });
  t.match(install(join(directory, "file")), { status: 1, stderr: /no directory/ });
  t.same(readdirSync(directory), ["file"]);
});

installs("a failure leaves the old state", async (t) => {
  const blocked = temporary(t);
  const [first = ""] = plugins;
  mkdirSync(join(blocked, first));
  const done = install(blocked);
  t.match(done, { status: 1, stderr: `cnibox: Cannot install ${blocked}/${first}: ` });
  t.equal(done.stdout, `installed ${blocked}/cnibox\n`, "what was done is said");
  t.same(visible(blocked), [first, "cnibox"].sort());
});
