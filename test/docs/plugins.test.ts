/** Every plugin has a page, with the keys of its schema, examples that work and messages that exist. */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import t from "tap";
import { page } from "./pages.ts";

const folder = "docs/plugins";
const pages = readdirSync(folder).map((file) => join(folder, file));
for (const path of [...pages, "docs/doctor.md"]) page(path);

if (!process.env.CNIBOX_ONLY) {
  t.test("the pages have what the schemas say, and each plugin has one", async (t) => {
    const done = spawnSync("npx", ["tsx", "src/_tools/docs.ts", "--check"], { encoding: "utf8" });
    t.equal(done.stdout + done.stderr, "");
    t.equal(done.status, 0);
  });

  t.test("all pages have one form", async (t) => {
    for (const path of pages) {
      const headings = [...read(path).matchAll(/^## (.*)$/gm)].map(([, text = ""]) => text);
      for (const part of ["Keys", "On the host", "What differs from the Go plugin", "Messages"]) {
        t.ok(
          headings.some((text) => text.startsWith(part)),
          `${path}: ${part}`,
        );
      }
    }
  });

  t.test("links lead to files", async (t) => {
    const others = readdirSync("docs").map((file) => join("docs", file));
    for (const path of ["README.md", ...others, ...pages].filter((path) => path.endsWith(".md"))) {
      for (const [, target = ""] of read(path).matchAll(/\]\((?!\w+:)([^)#]+)/g)) {
        t.ok(existsSync(join(dirname(path), target)), `${path}: ${target}`);
      }
    }
  });

  t.test("the messages and tables that the pages explain are in the source", async (t) => {
    const source = textOf("src");
    for (const path of pages) {
      for (const [, name = ""] of read(path).matchAll(/`(cnibox_\w+)`/g)) {
        t.ok(source.includes(`"${name}"`), `${path}: ${name}`);
      }
      const [, rest = ""] = read(path).split("\n## Messages\n");
      const [table = ""] = rest.split("\n## ");
      for (const [, message = ""] of table.matchAll(/^\| `(.*?)` \|/gm)) {
        for (const part of message.split("…")) t.ok(source.includes(part), `${path}: ${part}`);
      }
    }
  });
}

function read(path: string): string {
  return readFileSync(path, "utf8");
}

/** All code of a folder, with the quotes of its texts as they are printed. */
function textOf(path: string): string {
  const files = readdirSync(path, { recursive: true, encoding: "utf8" });
  const code = files.filter((file) => file.endsWith(".ts")).map((file) => read(join(path, file)));
  return code.join("\n").replaceAll('\\"', '"');
}
