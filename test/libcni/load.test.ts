/** Networks from a directory. */
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { NoConfigsFoundError, NotFoundError } from "../../src/libcni/errors.ts";
import { configFiles, loadEach, loadNetwork, readListFile } from "../../src/libcni/load.ts";
import { directory as temporary } from "../harness/directory.ts";

const conf = (name: string, type: string, more: object = {}) =>
  JSON.stringify({ name, type, ...more });
const conflist = (name: string, type: string, more: object = {}) =>
  JSON.stringify({ name, plugins: [{ type }], ...more });
const typesOf = (directory: string, name: string) =>
  loadNetwork(directory, name).plugins.map(({ type }) => type);

t.test("lists come before single plugins, each in the order of their names", async (t) => {
  const directory = temporary(t, {
    "1.conf": conf("a", "single"),
    "2.conflist": conflist("a", "second"),
    "10.conflist": conflist("a", "first"),
    "20.json": conf("b", "json", { cniVersion: "0.3.0" }),
    "15.conf": conf("b", "conf"),
    "c.txt": conf("c", "text"),
  });
  t.same(typesOf(directory, "a"), ["first"], "10 stands before 2");
  t.same(typesOf(directory, "b"), ["conf"]);
  t.throws(() => loadNetwork(directory, "c"), NotFoundError);
  t.throws(() => loadNetwork(directory, "c"), {
    message: `no net configuration with name "c" in ${directory}`,
  });
  t.same(
    [...loadEach(directory)].map(({ file, list }) => [
      file.slice(directory.length + 1),
      list?.name,
    ]),
    [
      ["10.conflist", "a"],
      ["2.conflist", "a"],
      ["1.conf", "a"],
      ["15.conf", "b"],
      ["20.json", "b"],
    ],
  );
});

t.test("where nothing is", async (t) => {
  const directory = temporary(t, { "readme.md": "" });
  for (const place of [directory, join(directory, "none")]) {
    t.throws(() => loadNetwork(place, "a"), NoConfigsFoundError);
    t.throws(() => loadNetwork(place, "a"), { message: `no net configurations found in ${place}` });
  }
});

t.test("a broken file is in nobody's way but its own", async (t) => {
  const directory = temporary(t, {
    "1.conflist": '{"name": "half",\n "plugins": [{]',
    "2.conflist": conflist("typeless", ""),
    "3.conflist": '{"name": "empty"}',
    "4.conf": "garbage",
    "5.conflist": conflist("a", "good"),
    "6.conf": conf("b", "single"),
  });
  symlinkSync("nowhere", join(directory, "0.conflist"));
  t.same(typesOf(directory, "a"), ["good"]);
  t.same(typesOf(directory, "b"), ["single"]);
  t.throws(() => loadNetwork(directory, "typeless"), {
    name: "ConfigError",
    message: `failed to parse plugin config 0: error parsing configuration: missing 'type' (in ${directory}/2.conflist)`,
  });
  t.throws(() => loadNetwork(directory, "empty"), {
    name: "ConfigError",
    message: `no plugin configs found (in ${directory}/3.conflist)`,
  });
  const where = `in ${directory}/1.conflist, line 2, column 15`;
  t.throws(() => loadNetwork(directory, "half"), {
    name: "NotFoundError",
    message: `invalid character ']' looking for beginning of object key string (${where})`,
  });
  t.throws(() => loadNetwork(directory, "half"), {
    message: `error reading ${directory}/0.conflist: open ${directory}/0.conflist: no such file`,
  });
});

t.test("the folder of a network", async (t) => {
  const directory = temporary(t, {
    "both.conflist": conflist("both", "inlined"),
    "folder.conflist": JSON.stringify({ name: "folder" }),
    "only.conflist": conflist("only", "inlined", { loadOnlyInlinedPlugins: true }),
    "up.conflist": conflist("..", "inlined"),
    "wrong.conflist": JSON.stringify({ name: "wrong" }),
  });
  for (const name of ["both", "folder", "only", "wrong"]) mkdirSync(join(directory, name));
  for (const name of ["both", "folder", "only"]) {
    writeFileSync(join(directory, name, "2.conf"), conf("", "later"));
    writeFileSync(join(directory, name, "1.conf"), conf("", "sooner"));
    writeFileSync(join(directory, name, "0.json"), conf("", "other"));
  }
  writeFileSync(join(directory, "wrong", "1.conf"), "{}");
  mkdirSync(join(directory, "both", "3.conf"));
  t.same(typesOf(directory, "both"), ["inlined", "sooner", "later"]);
  t.same(typesOf(directory, "folder"), ["sooner", "later"]);
  t.same(typesOf(directory, "only"), ["inlined"]);
  t.same(typesOf(directory, ".."), ["inlined"], "what is no network's name is no folder's");
  t.throws(() => loadNetwork(directory, "wrong"), {
    message: `error parsing configuration: missing 'type' (in ${directory}/wrong/1.conf)`,
  });
  process.chdir(directory);
  t.equal(readListFile("both.conflist").plugins.length, 3, "a file without a directory");
});

t.test("files by extension", async (t) => {
  const directory = temporary(t, { "b.conf": "", "a.json": "", "c.conf.bak": "", conf: "" });
  mkdirSync(join(directory, "d.conf"));
  symlinkSync("/", join(directory, "e.conf"));
  t.same(configFiles(`${directory}/`, [".conf", ".json"]), [
    `${directory}/a.json`,
    `${directory}/b.conf`,
    `${directory}/e.conf`,
  ]);
  t.same(configFiles(join(directory, "none"), [".conf"]), []);
  t.throws(() => configFiles(join(directory, "b.conf"), [".conf"]), { code: "ENOTDIR" });
});
