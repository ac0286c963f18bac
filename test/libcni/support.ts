/** Operations with plugins that are only answers. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type NetworkList, parseList } from "../../src/libcni/config.ts";
import type { PluginCall, Runtime, RuntimeConfig, Steps } from "../../src/libcni/runtime.ts";
import { directory as temporary } from "../harness/directory.ts";

/** What a call printed, or failed with. */
export type Answer = string | Error;

export interface Call {
  type: string;
  command: string;
  environ: Record<string, string>;
  stdin: Record<string, unknown>;
}

/** Carries out an operation; each call is answered by `answer`. */
export function drive<T>(steps: Steps<T>, answer: (call: Call) => Answer = () => "") {
  const calls: Call[] = [];
  let step = steps.next();
  while (!step.done) {
    const call = show(step.value);
    calls.push(call);
    const answered = answer(call);
    step = answered instanceof Error ? steps.throw(answered) : steps.next(answered);
  }
  return { calls, value: step.value };
}

/** As {@link drive}, for operations that fail: what they threw, and the calls before. */
export function driveToFailure(steps: Steps<unknown>, answer: (call: Call) => Answer = () => "") {
  const calls: Call[] = [];
  try {
    drive(steps, (call) => {
      calls.push(call);
      return answer(call);
    });
  } catch (error) {
    return { calls, error: error as Error };
  }
  throw new Error("it succeeded");
}

function show({ type, environ, stdin }: PluginCall): Call {
  const text = new TextDecoder().decode(stdin);
  return { type, command: environ.CNI_COMMAND ?? "", environ, stdin: JSON.parse(text) };
}

/** A runtime whose path has a file for each of these plugins. */
export function runtimeWith(t: Parameters<typeof temporary>[0], ...types: string[]) {
  const bin = temporary(t);
  for (const type of types) writeFileSync(join(bin, type), "");
  const warnings: string[] = [];
  const runtime: Runtime = {
    path: [bin],
    environ: { HOME: "/root", CNI_IFNAME: "stale" },
    cacheDirectory: temporary(t),
    hasBuiltIn: () => false,
    warn: (message) => warnings.push(message),
  };
  return { runtime, warnings, bin };
}

export const about: RuntimeConfig = { containerId: "c1", netns: "/run/netns/c1", ifName: "eth0" };

export function listOf(value: object): NetworkList {
  return parseList(bytes(value));
}

export function bytes(value: object | string): Uint8Array {
  return new TextEncoder().encode(typeof value === "string" ? value : JSON.stringify(value));
}

/** What a plugin prints. */
export function printed(address: string, more: object = {}): string {
  return JSON.stringify({ cniVersion: "1.1.0", ips: [{ address }], ...more });
}
