/** The applets as they are declared, for tools that need no call to be served. */
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build, type Plugin } from "esbuild";
import type { ConfigSchema } from "../cni/config.ts";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");

/** Applets are imported for their schemas only: nothing behind the door to the OS is needed. */
const withoutAddon: Plugin = {
  name: "without-addon",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^#addon$/ }, () => ({ path: "addon", namespace: "without-addon" }));
    onLoad({ filter: /.*/, namespace: "without-addon" }, () => ({
      contents: "export default { constants: {} };",
    }));
  },
};

/** What the tools look at of an applet. */
export interface Declared {
  name: string;
  summary: string;
  schema: ConfigSchema;
  cniArgs?: Readonly<Record<string, string>>;
  needsNetns?: boolean;
}

/** All applets, in the order of the registry. */
export async function declaredApplets(): Promise<Declared[]> {
  const { outputFiles } = await build({
    stdin: {
      contents: 'export { applets } from "./src/applets/mod.ts";',
      resolveDir: root,
    },
    bundle: true,
    format: "esm",
    write: false,
    logLevel: "error",
  });
  const { applets } = (await evaluate(outputFiles[0]?.text ?? "")) as { applets: string[] };
  const imports = applets.map((name, i) => `import a${i} from "./src/applets/${name}.ts";`);
  const all = await build({
    stdin: {
      contents: `${imports.join("\n")}\nexport default [${applets.map((_, i) => `a${i}`)}];`,
      resolveDir: root,
    },
    bundle: true,
    format: "esm",
    write: false,
    logLevel: "error",
    plugins: [withoutAddon],
  });
  const { default: declared } = (await evaluate(all.outputFiles[0]?.text ?? "")) as {
    default: Declared[];
  };
  return declared;
}

function evaluate(code: string): Promise<unknown> {
  return import(`data:text/javascript;base64,${Buffer.from(code).toString("base64")}`);
}
