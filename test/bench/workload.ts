/** What is measured: a network, added to a container and deleted again, by one set of plugins. */
import { spawnSync } from "node:child_process";
import { type Program, time } from "./timing.ts";

export interface Network {
  label: string;
  /** The plugin chain; the first has the IPAM. */
  plugins: Record<string, unknown>[];
}

export function networkName({ label }: Network): string {
  return label.replace(/[^a-z0-9]+/gi, "-");
}

export interface Timed {
  add: number;
  del: number;
}

/** A host namespace's own directories and one container; made once, used by all rounds. */
export class Bench {
  readonly scratch: string;
  readonly #netns = "/run/netns/bench";
  #count = 0;

  /** Must run inside a mount and a network namespace of its own: `bench.ts` sees to that. */
  constructor(scratch: string) {
    this.scratch = scratch;
    sh(`mount -t tmpfs tmpfs /run; mount -t tmpfs tmpfs /var/lib; mount -t sysfs sysfs /sys
        mkdir -p ${scratch}; ip link set lo up; ip netns add bench
        ip link add under0 type veth peer name under1; ip link set under0 up; ip link set under1 up
        ip link add lent0 type veth peer name lent1`);
  }

  /** One VERSION call, in milliseconds. */
  version(bin: string, plugin: string): number {
    return this.#call(bin, "VERSION", { type: plugin }, "").wall;
  }

  /** One ADD and one DEL of the whole chain, in milliseconds. */
  attach(bin: string, network: Network): Timed {
    const { plugins } = network;
    const containerId = `bench${this.#count++}`;
    const name = networkName(network);
    const timed = { add: 0, del: 0 };
    let prevResult: unknown;
    for (const plugin of plugins) {
      const run = this.#call(bin, "ADD", { ...plugin, name, prevResult }, containerId);
      timed.add += run.wall;
      prevResult = JSON.parse(run.stdout);
    }
    for (const plugin of [...plugins].reverse()) {
      timed.del += this.#call(bin, "DEL", { ...plugin, name, prevResult }, containerId).wall;
    }
    return timed;
  }

  /** Peak memory of one ADD of the first plugin, in KiB, as GNU time tells it. */
  memory(bin: string, network: Network): number {
    const [plugin = {}] = network.plugins;
    const config = { ...plugin, name: "memory" };
    const program = this.#program(bin, "ADD", config, "memory");
    const done = spawnSync("/usr/bin/time", ["-f", "%M", program.path], {
      env: program.env,
      input: program.input,
      encoding: "utf8",
    });
    this.#call(bin, "DEL", { ...config, prevResult: JSON.parse(done.stdout) }, "memory");
    return Number(done.stderr.trim().split("\n").pop());
  }

  #call(bin: string, command: string, config: Record<string, unknown>, containerId: string) {
    return time(this.scratch, this.#program(bin, command, config, containerId));
  }

  #program(
    bin: string,
    command: string,
    config: Record<string, unknown>,
    containerId: string,
  ): Program {
    return {
      path: `${bin}/${config.type}`,
      input: JSON.stringify({ cniVersion: "1.0.0", ...config }),
      env: {
        PATH: process.env.PATH ?? "",
        CNI_COMMAND: command,
        CNI_CONTAINERID: containerId,
        CNI_NETNS: this.#netns,
        CNI_IFNAME: config.type === "loopback" ? "lo" : "eth0",
        CNI_PATH: bin,
      },
    };
  }
}

export function sh(commands: string): void {
  const done = spawnSync("sh", ["-ec", commands], { encoding: "utf8" });
  if (done.status !== 0) throw new Error(`${commands}: ${done.stderr}`);
}
