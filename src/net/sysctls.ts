/**
 * Sysctls that a config sets in the container.
 *
 * Reference: plugins/meta/tuning/tuning.go. Differs on purpose: a failed ADD sets them back; a setting
 * is one however it is spelled; CHECK takes blanks and tabs for the same, and does not ask for what
 * cannot be read.
 */
import { CniError } from "../cni/errors.ts";
import type { Undo } from "../cni/undo.ts";
import { isKernelError } from "../kernel/errors.ts";
import type { Netns } from "../kernel/netns.ts";
import { failed } from "./verify.ts";

export interface Setting {
  /** As the config has it. */
  key: string;
  /** Below /proc/sys. */
  path: string[];
  value: string;
}

/**
 * The settings of the container's network, in the order of the config.
 * @param sources by key; of the same setting the last source counts
 * @throws {CniError} InvalidNetworkConfig: a key outside `net`, or one source with two minds
 */
export function readSettings(
  ifName: string,
  ...sources: (Readonly<Record<string, string>> | undefined)[]
): Setting[] {
  const settings = new Map<string, Setting>();
  for (const source of sources) {
    const own = new Map<string, string>();
    for (const key in source) {
      const value = source[key] as string;
      const path = pathOf(key, ifName);
      const name = path.join("/");
      if ((own.get(name) ?? value) !== value) throw duplicated(key);
      own.set(name, value);
      settings.set(name, { key, path, value });
    }
  }
  return [...settings.values()];
}

export function duplicated(key: string): CniError {
  return invalid(`duplicated sysctl keys are not allowed: "${key}"`);
}

/** Dots and slashes both part a key, but the interface's name is one part whatever is in it. */
function pathOf(key: string, ifName: string): string[] {
  const named = key.replace(/\./g, "/").replace("IFNAME", () => ifName);
  const path = named.split("/").filter((part) => part !== "");
  if (path[0] !== "net" || path.length < 2) throw invalid(`invalid net sysctl key: "${key}"`);
  return path;
}

function invalid(message: string): CniError {
  return new CniError("InvalidNetworkConfig", message);
}

/** Sets them; pushes what sets them back, of those that can be read. */
export function applySettings({ sysctl }: Netns, settings: readonly Setting[], undo: Undo): void {
  for (const { key, path, value } of settings) {
    try {
      const before = sysctl.read(...path);
      undo.push(`set sysctl "${key}" back`, () => sysctl.write(before, ...path));
    } catch (error) {
      if (!isKernelError(error)) throw error; // some can only be written
    }
    sysctl.write(value, ...path);
  }
}

/** Throws about the first that has another value. */
export function checkSettings({ sysctl }: Netns, settings: readonly Setting[]): void {
  for (const { key, path, value } of settings) {
    try {
      const found = sysctl.read(...path);
      if (words(found) === words(value)) continue;
      throw failed(`Sysctl "${key}" is not as configured`, `expected ${value}, found ${found}`);
    } catch (error) {
      // Some can only be written, such as net.ipv4.route.flush.
      if (!isKernelError(error, "EACCES", "EPERM")) throw error;
    }
  }
}

function words(value: string): string {
  return value.trim().replace(/\s+/g, " ");
}
