/** One network namespace of a sandbox, seen with the kernel's own tools and not with ours. */
import { type Outcome, type RunOptions, run, runAsync, start } from "./processes.ts";
import { type State, snapshot } from "./state.ts";

/** What `ip -j` prints; a test names the members that it looks at. */
// biome-ignore lint/suspicious/noExplicitAny: the shape is iproute2's, and differs by object
export type Json = any;

export class Namespace {
  /** The path for CNI_NETNS, valid inside the sandbox; empty for the host side. */
  readonly netns: string;
  readonly #sleeper: number;
  readonly #enter: string[];

  /** @param name of the `ip netns`; absent for the side where plugins run */
  constructor(sleeper: number, name?: string) {
    this.netns = name ? `/run/netns/${name}` : "";
    this.#sleeper = sleeper;
    const net = name ? `--net=/proc/${sleeper}/root${this.netns}` : `--net=/proc/${sleeper}/ns/net`;
    this.#enter = ["nsenter", `--mount=/proc/${sleeper}/ns/mnt`, net, "--"];
  }

  /** Runs a program; does not throw when it fails. */
  run(argv: string[], options: RunOptions = {}): Outcome {
    return run(this.#enter, argv, options);
  }

  runAsync(argv: string[], options: RunOptions = {}): Promise<Outcome> {
    return runAsync(this.#enter, argv, options);
  }

  /** Starts a program that ends with the sandbox at the latest. */
  start(argv: string[]) {
    return start(this.#enter, argv);
  }

  /** Runs shell commands and returns what they print; throws when they fail. */
  sh(commands: string): string {
    const done = this.run(["sh", "-ec", commands]);
    if (done.status !== 0) {
      throw new Error(`${commands}\nexit ${done.status ?? done.signal}: ${done.stderr}`);
    }
    return done.stdout;
  }

  /** Runs a command that prints JSON. */
  json(command: string): Json {
    return JSON.parse(this.sh(command).trim() || "[]");
  }

  /** The names of all links, sorted. */
  links(): string[] {
    return this.json("ip -j link")
      .map((link: Json) => link.ifname)
      .sort();
  }

  /** The names of the veths whose other end is in a namespace of `ip netns`. */
  cablesInto(name: string): string[] {
    const ends = this.json(`ip -n ${name} -j link show type veth`).map(
      (end: Json) => end.link_index,
    );
    return this.json("ip -j link show type veth")
      .filter(({ ifindex }: Json) => ifindex !== undefined && ends.includes(ifindex))
      .map((link: Json) => link.ifname);
  }

  /** One link with all details. */
  link(name: string): Json {
    return this.json(`ip -j -d link show dev ${name}`)[0];
  }

  /** The addresses of a link as `ip/len`, in the order of the kernel, without link-local ones. */
  addresses(name: string): string[] {
    return this.json(`ip -j addr show dev ${name}`)[0]
      .addr_info.filter((a: Json) => a.scope !== "link")
      .map((a: Json) => `${a.local}/${a.prefixlen}`);
  }

  /** Main-table routes of both families, as `dst [via gw] dev link`, without link-local ones. */
  routes(): string[] {
    const routes = [...this.json("ip -j route"), ...this.json("ip -j -6 route")] as Json[];
    return routes
      .filter((r) => !/^(fe80|ff00|multicast)/.test(r.dst))
      .map((r) => `${r.dst}${r.gateway ? ` via ${r.gateway}` : ""} dev ${r.dev}`);
  }

  /** The value of a key below /proc/sys, e.g. `net/ipv4/ip_forward`. */
  sysctl(key: string): string {
    return this.sh(`cat /proc/sys/${key}`).trim();
  }

  /** The whole rule set, without the line that names the tool. */
  nft(): Json[] {
    return this.json("nft -j list ruleset").nftables.slice(1);
  }

  /** Whether an address answers. Asks again for some seconds: IPv6 may have to settle first. */
  reaches(address: string, options = ""): boolean {
    return this.#ping(address, options, 15);
  }

  /** Whether an address does not answer, asked three times. */
  silent(address: string, options = ""): boolean {
    return !this.#ping(address, options, 3);
  }

  #ping(address: string, options: string, tries: number): boolean {
    const ping = `ping -n -q -c 1 -W 0.2 ${options} ${address} >/dev/null 2>&1`;
    const loop = `for i in $(seq ${tries}); do ${ping} && exit 0; sleep 0.05; done; exit 1`;
    return this.run(["sh", "-c", loop]).status === 0;
  }

  /** Everything that a plugin could leave behind here; see `state.ts`. */
  state(): State {
    return snapshot((commands) => this.sh(commands), `/proc/${this.#sleeper}/root`);
  }

  /** The path, on the test's own side, of a file of the sandbox (/run, /var/lib). */
  file(path: string): string {
    return `/proc/${this.#sleeper}/root${path}`;
  }
}
