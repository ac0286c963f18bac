/** npm as somebody has it who installs the library: in an empty project, without a network. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import t from "tap";
import { directory } from "../harness/directory.ts";

export interface Ran {
  status: number | null;
  output: string;
}

/** Runs a program in a directory; without what `npm test` has put into the environment. */
export function run(cwd: string, argv: readonly string[], env: Record<string, string> = {}): Ran {
  const [program = "", ...args] = argv;
  const clean = Object.entries(process.env).filter(([name]) => !/^npm_|^NODE_/i.test(name));
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    cwd,
    env: { ...Object.fromEntries(clean), ...env },
    encoding: "utf8",
    timeout: 400_000,
  });
  if (error) throw error;
  return { status, output: `${stdout}${stderr}` };
}

/** As `run`, but throws when it fails. Returns what it printed. */
export function succeed(cwd: string, ...argv: string[]): string {
  const { status, output } = run(cwd, argv);
  if (status !== 0) throw new Error(`${argv.join(" ")}: exit ${status}\n${output}`);
  return output;
}

/** Files of `npm install`'s own that no other test shares, and no registry. */
const offline = ["--offline", "--no-audit", "--no-fund", "--registry=http://127.0.0.1:1"];

/** Installs packages into an empty project. */
export function install(
  project: string,
  packages: readonly string[],
  options: { flags?: string[]; env?: Record<string, string> } = {},
): Ran {
  const { flags = [], env = {} } = options;
  const cache = `--cache=${join(project, ".cache")}`;
  return run(project, ["npm", "install", ...offline, cache, ...flags, ...packages], env);
}

/** A directory that ends with the test file. */
export function emptyProject(): string {
  return directory(t);
}
