/** Our code, run in the namespaces of a sandbox. */
import { Netns } from "../../src/kernel/netns.ts";
import type { Attachment } from "../../src/net/attachment.ts";
import type { Namespace } from "../harness/sandbox.ts";

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
