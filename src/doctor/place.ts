/** Whether a directory of plugins is as `cnibox --install` has left them. */
import { isThisExecutable } from "../cni/find-plugin.ts";
import { changedAt, exists, list } from "../kernel/files.ts";
import { error, type Finding, warning } from "./findings.ts";

/**
 * @param directory one of CNI_PATH
 * @param plugins the names that `--install` takes
 */
export function lookAtPlace(directory: string, plugins: readonly string[]): Finding[] {
  if (!exists(directory)) return [error(directory, "there is no such directory of plugins")];
  const names = list(directory).sort();
  const dangling = names.filter((name) => changedAt(`${directory}/${name}`) === null);
  const findings = dangling.map((name) => error(`${directory}/${name}`, "leads to no file"));
  const ours = plugins.filter((name) => isThisExecutable(`${directory}/${name}`));
  if (ours.length === 0) return findings;
  const others = plugins.filter((name) => !ours.includes(name) && !dangling.includes(name));
  return findings.concat(others.map((name) => missing(directory, name, names)));
}

function missing(directory: string, name: string, names: readonly string[]): Finding {
  const what = names.includes(name) ? "is another program than the others" : "is missing";
  return warning(`${directory}/${name}`, `${what}: cnibox --install ${directory}`);
}
