/** Finding plugins, as pkg/invoke/find_test.go has it. */
import { symlinkSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { findPlugin, isThisExecutable, notFound } from "../../src/cni/find-plugin.ts";
import { sys } from "../../src/sys/sys.ts";

t.test("the first regular file counts", async (t) => {
  const directory = t.testdir({
    a: { plugin: { inside: "" }, other: "" },
    b: { plugin: "not executable, which is not asked" },
    c: { plugin: "" },
  });
  const path = ["a", "b", "c", "missing"].map((name) => join(directory, name));
  t.equal(findPlugin("plugin", path), join(directory, "b", "plugin"));
  symlinkSync("../b/plugin", join(directory, "a", "linked"));
  symlinkSync("nowhere", join(directory, "a", "dangling"));
  t.equal(findPlugin("linked", path), join(directory, "a", "linked"));
  t.equal(findPlugin("dangling", path), undefined);
  t.equal(findPlugin("inside", path), undefined);
  t.equal(findPlugin("passwd", ["", "/etc"]), "/etc/passwd", "an empty element is skipped");
});

t.test("names that are none", async (t) => {
  t.throws(() => findPlugin("", ["/etc"]), { message: "no plugin name provided" });
  for (const name of ["a/b", "/etc/passwd", "../etc/passwd", ".", "..", "a\0b"]) {
    t.throws(() => findPlugin(name, ["/etc"]), { message: `invalid plugin name: ${name}` });
  }
});

t.test("what is said where there is none", async (t) => {
  t.equal(notFound("nope", ["/a", "/b"]).message, 'failed to find plugin "nope" in path [/a /b]');
  t.equal(notFound("nope", []).message, "no paths provided");
});

t.test("this executable is known by its inode", async (t) => {
  const directory = t.testdir({ file: "" });
  symlinkSync(sys.executable(), join(directory, "link"));
  t.ok(isThisExecutable(join(directory, "link")));
  t.ok(isThisExecutable(sys.executable()));
  t.notOk(isThisExecutable(join(directory, "file")));
  t.notOk(isThisExecutable(join(directory, "missing")));
});
