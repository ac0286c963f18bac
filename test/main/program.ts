/** The executable itself, under any name, with any standard streams. */
import { type SpawnSyncOptions, spawnSync } from "node:child_process";
import { realpathSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { pluginPath } from "../harness/hosts.ts";
import { isUnread } from "../harness/processes.ts";

/** The file behind the plugins' names: ours is one for all. */
export const executable = realpathSync(pluginPath("loopback"));

export interface Ran {
  status: number | null;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  env?: Record<string, string>;
  input?: string | Uint8Array;
  stdio?: SpawnSyncOptions["stdio"];
}

/** Runs `path`, with no environment but PATH and what is given. */
export function run(path: string, args: readonly string[] = [], options: RunOptions = {}): Ran {
  const { status, stdout, stderr, error } = spawnSync(path, args, {
    encoding: "utf8",
    maxBuffer: 1 << 26,
    timeout: 20_000,
    ...options,
    env: { PATH: process.env.PATH, ...options.env },
  });
  if (error && !isUnread(error)) throw error;
  return { status, stdout: stdout ?? "", stderr: stderr ?? "" };
}

/** A link to the executable, of this name, in `directory`. */
export function named(directory: string, name: string): string {
  const path = join(directory, name);
  symlinkSync(executable, path);
  return path;
}

/** What host-local needs for one call; its leases go to `dataDir`. */
export function hostLocal(dataDir: string, command: string, more: object = {}) {
  const ipam = { type: "host-local", subnet: "10.1.2.0/24", dataDir };
  return {
    env: {
      CNI_COMMAND: command,
      CNI_CONTAINERID: "c1",
      CNI_NETNS: "/no/such/netns",
      CNI_IFNAME: "eth0",
      CNI_PATH: "/no/such/path",
    },
    input: JSON.stringify({ cniVersion: "1.1.0", name: "net1", type: "x", ipam, ...more }),
  };
}
