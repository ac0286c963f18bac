/** A network's directory for tests, used through our code and through the Go plugin. */
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { formatCidr } from "../../src/addr/cidr.ts";
import { formatIp, requireIp } from "../../src/addr/ip.ts";
import { type RangeConfig, readRangeSets } from "../../src/pool/range.ts";
import * as reservation from "../../src/pool/reservation.ts";
import { Store } from "../../src/pool/store.ts";

/** Containers are named `ID` or `ID:IFNAME`; the default interface is eth0. */
function holder(name: string) {
  const [containerId = "", ifName = "eth0"] = name.split(":");
  return { containerId, ifName };
}

export class Network {
  readonly dataDir: string;
  /** The network's own directory. */
  readonly dir: string;
  readonly warnings: string[] = [];
  boot = "boot-1";
  readonly sets: RangeConfig[][];

  /** @param subnets one set each; default: 10.1.2.0/24 */
  constructor(dataDir: string, ...sets: (string | RangeConfig[])[]) {
    this.dataDir = dataDir;
    this.dir = join(dataDir, "net1");
    const all = sets.length > 0 ? sets : ["10.1.2.0/24"];
    this.sets = all.map((set) => (typeof set === "string" ? [{ subnet: set }] : set));
  }

  get store(): Store {
    const warn = (message: string) => void this.warnings.push(message);
    return new Store(this.dataDir, "net1", { warn, boot: () => this.boot });
  }

  /** The reservation itself, for its undo. */
  reserve(name: string, options: { ips?: string[]; reuse?: boolean } = {}) {
    return reservation.reserve(this.store, {
      holder: holder(name),
      sets: readRangeSets(this.sets),
      requested: (options.ips ?? []).map(requireIp),
      reuse: options.reuse ?? false,
    });
  }

  /** `ip/len gateway` of each set. */
  add(name: string, options: { ips?: string[]; reuse?: boolean } = {}): string[] {
    return this.reserve(name, options).addresses.map(
      ({ address, gateway }) => `${formatCidr(address)} ${formatIp(gateway)}`,
    );
  }

  del(name: string): void {
    reservation.release(this.store, holder(name));
  }

  holds(name: string): boolean {
    return reservation.isHolding(this.store, holder(name));
  }

  gc(...valid: string[]): void {
    reservation.collect(this.store, valid.map(holder));
  }

  exhausted(): string | undefined {
    return reservation.exhausted(this.store, readRangeSets(this.sets));
  }

  /** One call of the Go plugin on the same directory. */
  go(command: string, name: string, options: { ips?: string[] } = {}) {
    const { containerId, ifName } = holder(name);
    const done = spawnSync("/usr/lib/cni/host-local", {
      encoding: "utf8",
      env: {
        CNI_COMMAND: command,
        CNI_CONTAINERID: containerId,
        CNI_IFNAME: ifName,
        CNI_NETNS: "/none",
        CNI_PATH: "/none",
      },
      input: JSON.stringify({
        cniVersion: "1.0.0",
        name: "net1",
        type: "host-local",
        ipam: { type: "host-local", dataDir: this.dataDir, ranges: this.sets },
        args: { cni: { ips: options.ips ?? [] } },
      }),
    });
    if (done.status !== 0) throw new Error(JSON.parse(done.stdout).msg);
    if (command !== "ADD") return [];
    const { ips } = JSON.parse(done.stdout) as { ips: { address: string; gateway: string }[] };
    return ips.map(({ address, gateway }) => `${address} ${gateway}`);
  }

  /** All files but the lock and what is hidden, with their content. */
  files(): Record<string, string> {
    const names = existsSync(this.dir) ? readdirSync(this.dir).sort() : [];
    const shown = names.filter((name) => name !== "lock" && !name.startsWith("."));
    return Object.fromEntries(
      shown
        .filter((name) => statSync(join(this.dir, name)).isFile())
        .map((name) => [name, readFileSync(join(this.dir, name), "utf8")]),
    );
  }

  /** The leases: address → content. */
  leases(): Record<string, string> {
    const all = Object.entries(this.files());
    return Object.fromEntries(all.filter(([name]) => !name.startsWith("last_reserved_ip.")));
  }

  /** The index: entry → text. */
  index(): Record<string, string> {
    const hidden = readdirSync(this.dir).filter((name) => name.startsWith("."));
    return Object.fromEntries(
      hidden.sort().map((name) => [name, readlinkSync(join(this.dir, name))]),
    );
  }

  /** Whether the index is taken for complete. */
  isSealed(): boolean {
    return statSync(this.dir).mtimeMs === 1_000_000_000_000;
  }

  put(name: string, content: string): void {
    mkdirSync(this.dir, { recursive: true });
    writeFileSync(join(this.dir, name), content);
  }

  drop(name: string): void {
    rmSync(join(this.dir, name));
  }

  seal(): void {
    utimesSync(this.dir, 1_000_000_000, 1_000_000_000);
  }

  chmod(name: string, mode: number): void {
    chmodSync(join(this.dir, name), mode);
  }
}
