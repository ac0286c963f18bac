/** Our code, run in the namespaces of a sandbox. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import t from "tap";
import { Netns } from "../../src/kernel/netns.ts";
import type { Attachment } from "../../src/net/attachment.ts";
import { type Namespace, type Sandbox, sandbox } from "../harness/sandbox.ts";

/** The host side of a sandbox as our code sees it. */
export function open(host: Namespace): Netns {
  return Netns.open(host.file("").replace(/root$/, "ns/net"));
}

export function attachment(containerId: string, network = "unit-test"): Attachment {
  return { network, containerId, ifName: "eth0" };
}

/** What `nft` lists, with one space for any white space. */
export function ruleset(host: Namespace): string {
  return host.sh("nft list ruleset").replace(/\s+/g, " ").trim();
}

/**
 * Notes the source of each packet that comes in.
 * @returns a function that gives the sources seen so far, sorted
 */
export function watch(namespace: Namespace): () => string[] {
  const rules = [
    ["ip", "ipv4_addr", "icmp"],
    ["ip6", "ipv6_addr", "icmpv6"],
  ].flatMap(([family, type, protocol]) => [
    `add table ${family} watch`,
    `add set ${family} watch sources { type ${type}; flags dynamic; size 100; }`,
    `add chain ${family} watch in { type filter hook prerouting priority 0; }`,
    `add rule ${family} watch in ${protocol} type echo-request add @sources { ${family} saddr }`,
  ]);
  namespace.sh(`nft -f - <<'END'\n${rules.join("\n")}\nEND`);
  return () =>
    namespace
      .nft()
      .flatMap((entry) => entry.set?.elem ?? [])
      .map((element) => element.elem?.val ?? element)
      .sort();
}

/** Runs this very test file again in a namespace; there `workerArgs` gives `args`. */
export function workerArgv(...args: string[]): string[] {
  return [process.execPath, ...process.execArgv, process.argv[1] as string, "worker", ...args];
}

/** The arguments of `workerArgv`, in the process that it describes. */
export function workerArgs(): string[] | undefined {
  return process.argv[2] === "worker" ? process.argv.slice(3) : undefined;
}

/** Skips a case that this machine cannot run, and says why. */
export function orSkip(why: string, name: string, body: (box: Sandbox) => void) {
  if (why) void t.test(name, { skip: why }, async () => {});
  else sandbox(name, body);
}

const goBridge = "/usr/lib/cni/bridge";
/** Why `goAdd` cannot work, or nothing. */
export const noGoBridge = existsSync(goBridge) ? "" : `${goBridge} is not installed`;

/** Lets the Go bridge attach `eth0` of a container to the network `unit-test`. */
export function goAdd(host: Namespace, netns: string, id: string, config: object) {
  const env = {
    CNI_COMMAND: "ADD",
    CNI_CONTAINERID: id,
    CNI_IFNAME: "eth0",
    CNI_NETNS: netns,
    CNI_PATH: "/usr/lib/cni",
  };
  const input = { cniVersion: "1.0.0", name: "unit-test", type: "bridge", ...config };
  const { status, stdout } = host.run([goBridge], { input: JSON.stringify(input), env });
  assert.equal(status, 0, stdout);
}
