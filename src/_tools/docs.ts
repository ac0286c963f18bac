/**
 * Writes what the pages in `docs/` have from the applets' schemas: the tables of keys in
 * `docs/plugins/NAME.md`, and the list of plugins in `docs/README.md`. Between two comments, so that
 * all else on a page is written by hand:
 *
 *     <!-- keys: by npm run docs -->
 *     <!-- /keys -->
 *
 * Run: `npm run docs`; with `--check` it writes nothing, and fails where something would change or a
 * plugin has no page.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { type Declared, declaredApplets } from "./declared.ts";
import { reference } from "./reference.ts";

const folder = "docs/plugins";
const check = process.argv.includes("--check");
const problems: string[] = [];

/** Puts `content` between the two comments of a page. */
function fill(path: string, marker: string, content: string): void {
  if (!existsSync(path)) {
    problems.push(`${path} is missing`);
    return;
  }
  const page = readFileSync(path, "utf8");
  const [begin, end] = [`<!-- ${marker}: by npm run docs -->\n`, `<!-- /${marker} -->\n`];
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from < 0 || to < from) {
    problems.push(`${path} has no ${begin.trim()} with ${end.trim()} behind it`);
    return;
  }
  const filled = `${page.slice(0, from + begin.length)}\n${content}\n${page.slice(to)}`;
  if (filled === page) return;
  if (check) problems.push(`${path} is not what the schemas say: run npm run docs`);
  else writeFileSync(path, filled);
}

function lineOf({ name, summary }: Declared): string {
  return `| [${name}](plugins/${name}.md) | ${summary} |\n`;
}

// The sample is there to be copied, and has docs/writing-a-plugin.md.
const without = ["sample"];
const applets = (await declaredApplets()).filter(({ name }) => !without.includes(name));
for (const applet of applets) fill(`${folder}/${applet.name}.md`, "keys", reference(applet));
fill("docs/README.md", "plugins", `| plugin | |\n|---|---|\n${applets.map(lineOf).join("")}`);
for (const file of readdirSync(folder)) {
  if (!applets.some(({ name }) => file === `${name}.md`)) problems.push(`${file}: no such plugin`);
}
for (const problem of problems) console.log(problem);
if (problems.length > 0) process.exitCode = 1;
