/** A container at the end of a cable whose bandwidth is limited. */
import type { Need } from "../harness/kernel.ts";
import {
  type Config,
  type Json,
  type Namespace,
  onlyOurs,
  type Sandbox,
  type SandboxOptions,
  sandbox,
} from "../harness/sandbox.ts";

export const needs: Need[] = ["CONFIG_IFB", "CONFIG_NET_SCH_TBF", "CONFIG_NET_ACT_MIRRED"];

type Body = (box: Sandbox) => void | Promise<void>;

/** A case that limits something. */
export function limited(name: string, body: Body, more: Need[] = []): void {
  sandbox(name, { needs: [...needs, ...more] }, body);
}

/** A case that limits something, about what the Go plugin does not do. */
export function limitedByUs(
  name: string,
  why: string,
  body: Body,
  options: SandboxOptions = {},
): void {
  onlyOurs(name, why, { needs, ...options }, body);
}

/** Megabits: small enough to be slow, large enough to be measured soon. */
export const limits = {
  ingressRate: 8_000_000,
  ingressBurst: 400_000,
  egressRate: 4_000_000,
  egressBurst: 400_000,
};

export function bandwidth(more: object = limits): Config {
  return { type: "bandwidth", cniVersion: "1.0.0", ...more };
}

export interface CableOptions {
  /** The host's end. */
  name?: string;
  ifName?: string;
  /** Of the container. */
  netns?: string;
  cniVersion?: string;
  mtu?: number;
}

/**
 * A veth pair, 10.1.2.1 on the host's end and 10.1.2.2 on the container's, as another plugin would have
 * made it.
 * @returns that plugin's result
 */
export function cable({ host }: Pick<Sandbox, "host">, options: CableOptions = {}): Json {
  const { name = "v0", ifName = "eth0", netns = "c1", cniVersion = "1.0.0", mtu = 1500 } = options;
  host.sh(`ip link add ${name} mtu ${mtu} type veth peer name ${ifName} mtu ${mtu} netns ${netns}
    ip addr add 10.1.2.1/24 dev ${name} && ip link set ${name} up
    ip -n ${netns} addr add 10.1.2.2/24 dev ${ifName}; ip -n ${netns} link set ${ifName} up`);
  const address = "10.1.2.2/24";
  if (cniVersion < "0.3.0") return { cniVersion, ip4: { ip: address }, dns: {} };
  return {
    cniVersion,
    interfaces: [{ name }, { name: ifName, sandbox: `/run/netns/${netns}` }],
    ips: [{ ...(cniVersion < "1" && { version: "4" }), interface: 1, address }],
    ...(cniVersion < "1" && { dns: {} }),
  };
}

/** The qdiscs of a link that say something: kind, options. */
export function qdiscs(host: Namespace, link: string): [string, Json][] {
  return host
    .json(`tc -j qdisc show dev ${link}`)
    .filter(({ kind }: Json) => kind !== "noqueue")
    .map(({ kind, options }: Json) => [kind, options]);
}

/** The names of the ifbs, sorted. */
export function ifbs(host: Namespace): string[] {
  const links = host.json("ip -j -d link show type ifb") as Json[];
  return links.map(({ ifname }) => ifname).sort();
}

/** The link that what comes in on a link is redirected to. */
export function redirection(host: Namespace, link: string): string | undefined {
  const filters = host.json(`tc -j filter show dev ${link} parent ffff:`) as Json[];
  return filters.flatMap(({ options }) => options?.actions ?? [])[0]?.to_dev;
}

/** Sends without end to who connects, from port 80. */
const source = `
  const chunk = Buffer.alloc(16384);
  require("net").createServer((client) => {
    const send = () => { while (client.write(chunk)); };
    client.on("drain", send).on("error", () => {});
    send();
  }).listen(80, () => console.log("ready"));
`;

/**
 * Tells how many bytes came in how many seconds, from before the connection on: what the kernel has and
 * a busy machine has not let it read yet can then only make it less.
 */
const sink = `
  const [address, milliseconds] = process.argv.slice(1);
  const start = process.hrtime.bigint();
  const client = require("net").connect(80, address);
  let count = 0;
  client.on("data", (data) => { count += data.length; });
  setTimeout(() => {
    console.log(count, Number(process.hrtime.bigint() - start) / 1e9);
    process.exit();
  }, Number(milliseconds));
`;

/** What a namespace gets from a source in another. */
export interface Flow {
  /**
   * Bits a second, with headers.
   * @param burst bits that may come at once, and do not count
   */
  measure(milliseconds: number, burst?: number): number;
}

/** Starts a source that ends with the sandbox. */
export async function flow(from: Namespace, address: string, to: Namespace): Promise<Flow> {
  const child = from.start([process.execPath, "-e", source]);
  await new Promise<void>((resolve, reject) => {
    child.stdout?.once("data", () => resolve());
    child.once("close", () => reject(new Error("Cannot start a source")));
  });
  return {
    measure(milliseconds, burst = 0) {
      const argv = [process.execPath, "-e", sink, address, String(milliseconds)];
      const [count = 0, seconds = 0] = to.run(argv).stdout.split(" ").map(Number);
      // Of the 1,514 bytes of a packet TCP carries 1,448.
      return ((count * 8 * 1514) / 1448 - burst) / seconds;
    },
  };
}
