/**
 * Makes from the applets' schemas, below `build/`:
 *
 * - `gen/validators/NAME.ts`: the validator of an applet's own keys, as ajv's standalone code;
 * - `gen/applets/NAME.ts`: the applet with its validators, as the hosts load it;
 * - `gen/common.ts`: the validator of the keys that every plugin has;
 * - `gen/applets/cnibox.ts` and `cnitool.ts`: the operator's tools, chunks of their own like applets;
 * - `gen/load.ts`: all of them by name, for the Node host (the engine host loads chunks instead);
 * - `schema/NAME.json`: the schema for editors.
 *
 * Run: `tsx src/_tools/schemas.ts`. It needs neither the addon nor an earlier build.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { ConfigSchema, Properties, Property } from "../cni/config.ts";
import { common } from "../cni/schema-common.ts";
import { type Declared, declaredApplets } from "./declared.ts";
import { forEditors, validatorCode } from "./validator.ts";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const output = join(root, "build");

/** What is loaded like an applet and is none. */
const tools = { cnibox: "src/operator.ts", cnitool: "src/cnitool/cnitool.ts" };

/** The keys that are the applet's own: the others are checked by the common validator. */
function ownSchema({ properties, required }: ConfigSchema): Property {
  const commonProperties: Properties = common;
  const own = Object.entries(properties).filter(
    ([key, property]) => JSON.stringify(property) !== JSON.stringify(commonProperties[key]),
  );
  return { type: "object", properties: Object.fromEntries(own), required };
}

const head = "// Made by src/_tools/schemas.ts.\n// @ts-nocheck\n";

const written = new Set<string>();

/** Leaves a file alone that is right already, for those who watch or read it meanwhile. */
function write(path: string, content: string): void {
  const file = join(output, path);
  written.add(file);
  if (existsSync(file) && readFileSync(file, "utf8") === content) return;
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
}

/** Applets that are gone leave nothing behind. */
function removeOthers(folder: string): void {
  for (const name of readdirSync(join(output, folder))) {
    const file = join(output, folder, name);
    if (!written.has(file)) rmSync(file);
  }
}

function writeApplet({ name, schema, needsNetns = true }: Declared): void {
  const namespaces = needsNetns ? 'import { Netns } from "../../../src/kernel/netns.ts";\n' : "";
  write(`gen/validators/${name}.ts`, `${head}${validatorCode(ownSchema(schema))}`);
  write(
    `gen/applets/${name}.ts`,
    `${head}import applet from "../../../src/applets/${name}.ts";
import { plugin } from "../../../src/cni/skel.ts";
import { validate as validateCommon } from "../common.ts";
import { validate } from "../validators/${name}.ts";
${namespaces}
function check(config) {
  if (!validateCommon(config)) return validateCommon.errors[0];
  return validate(config) ? undefined : validate.errors[0];
}
export default plugin(applet, check${needsNetns ? ", Netns" : ""});
`,
  );
}

function writeLoad(names: readonly string[]): void {
  const loaded = [...names, ...Object.keys(tools)];
  const imports = loaded.map((name, i) => `import m${i} from "./applets/${name}.ts";`);
  const members = loaded.map((name, i) => `  ${JSON.stringify(name)}: m${i},`);
  write(
    "gen/load.ts",
    `${head}${imports.join("\n")}
const modules = { __proto__: null,
${members.join("\n")}
};
export function load(name) {
  return modules[name];
}
`,
  );
}

function writePublishedSchema({ name, summary, schema }: Declared): void {
  const published = {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: name,
    description: summary,
    ...forEditors(schema),
  };
  write(`schema/${name}.json`, `${JSON.stringify(published, null, 2)}\n`);
}

const applets = await declaredApplets();
write("gen/common.ts", head + validatorCode({ type: "object", properties: common }));
for (const applet of applets) {
  writeApplet(applet);
  writePublishedSchema(applet);
}
for (const [name, file] of Object.entries(tools)) {
  write(`gen/applets/${name}.ts`, `${head}export { default } from "../../../${file}";\n`);
}
writeLoad(applets.map(({ name }) => name));
for (const folder of ["gen/applets", "gen/validators", "schema"]) removeOthers(folder);
