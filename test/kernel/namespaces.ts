/** Cases in two throw-away namespaces that this process holds open, judged by iproute2. */
import { execFileSync } from "node:child_process";
import t, { type Test } from "tap";
import { parseCidr } from "../../src/addr/cidr.ts";
import type { LinkSpec } from "../../src/kernel/links.ts";
import { Netns } from "../../src/kernel/netns.ts";
import { type Need, whereToRun } from "../harness/kernel.ts";

export { parseCidr as cidr } from "../../src/addr/cidr.ts";
export { requireIp as ip } from "../../src/addr/ip.ts";

/** A namespace, and iproute2 looking at it. */
export interface Side {
  netns: Netns;
  /** What runs a command inside, for a shell. */
  enter: string;
  /** Runs a command inside, and returns what it prints. */
  sh(command: string): string;
  // biome-ignore lint/suspicious/noExplicitAny: the shape is iproute2's
  json(command: string): any;
}

export interface Box {
  t: Test;
  host: Side;
  container: Side;
}

/** Registers a case; one whose kernel options are missing runs in the guest. */
export function inNamespaces(name: string, body: (box: Box) => void, needs: Need[] = []): void {
  const place = whereToRun(name, needs);
  if (place === "elsewhere") return;
  void t.test(name, place === "here" ? {} : place, async (t) => {
    const host = side();
    const container = side();
    t.teardown(() => {
      host.netns.close();
      container.netns.close();
    });
    body({ t, host, container });
  });
}

function side(): Side {
  const netns = Netns.create();
  const path = `--net=/proc/${process.pid}/fd/${netns.fd}`;
  const sh = (command: string) =>
    execFileSync("nsenter", [path, "sh", "-ec", command], { encoding: "utf8" });
  return {
    netns,
    sh,
    enter: `nsenter ${path}`,
    json: (command) => JSON.parse(sh(command).trim() || "[]"),
  };
}

/** A veth pair `h0` (host) and `c0` (container); the container's end is up and has an address. */
export function connect({ host, container }: Box, spec: Partial<LinkSpec> = {}) {
  const outer = host.netns.links.add({
    name: "h0",
    info: { kind: "veth", data: { peer: { name: "c0", netns: container.netns } } },
    up: true,
    ...spec,
  });
  const inner = container.netns.links.get("c0");
  container.netns.links.change(inner.index, { up: true });
  container.netns.addresses.add(inner.index, { address: parseCidr("10.1.2.3/24") });
  return { outer, inner };
}

/** What a call throws: the name, the code and the message. */
export function failure(act: () => unknown): unknown {
  try {
    return { returned: act() };
  } catch (error) {
    const { name, code, message } = error as Error & { code?: string };
    return { name, code, message };
  }
}

export const refused = (code: string, message: string) => ({ name: "KernelError", code, message });
