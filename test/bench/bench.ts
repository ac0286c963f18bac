/**
 * `npm run bench`: cnibox against the Go plugins, the same work in turn, and the ratio pair by pair.
 *
 * Both run in one throw-away network namespace; machines are noisy, so medians of pairs are told
 * and no figure is a test. CNI_GO names the directory of the Go plugins (Debian's package
 * containernetworking-plugins by default), BENCH_ROUNDS the number of pairs.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, realpathSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { engineDirectory } from "../../src/_tools/plugin-dirs.ts";
import { fillNetwork } from "./crowd.ts";
import { daemonMemory } from "./leases.ts";
import { chain, networks } from "./networks.ts";
import { median } from "./timing.ts";
import { Bench } from "./workload.ts";

const ours = resolve(process.env.CNI_BIN ?? engineDirectory() ?? "build/bin");
const go = process.env.CNI_GO ?? "/usr/lib/cni";
const rounds = Number(process.env.BENCH_ROUNDS ?? 25);

if (!process.env.BENCH_INSIDE) {
  const inside = spawnSync(
    "unshare",
    [
      "--mount",
      "--net",
      "--propagation",
      "private",
      process.execPath,
      ...process.execArgv,
      ...process.argv.slice(1),
    ],
    { stdio: "inherit", env: { ...process.env, BENCH_INSIDE: "1" } },
  );
  process.exit(inside.status ?? 1);
}

const haveGo = existsSync(`${go}/bridge`);
const bench = new Bench("/run/bench");

function row(label: string, us: number[], them: number[]): void {
  const figures = [median(us).toFixed(2).padStart(8)];
  if (them.length > 0) {
    const ratio = median(us.map((value, i) => value / (them[i] ?? Number.NaN)));
    figures.push(median(them).toFixed(2).padStart(8), ratio.toFixed(2).padStart(7));
  }
  console.log(label.padEnd(60), ...figures);
}

function pairs<T>(run: (bin: string) => T): { us: T[]; them: T[] } {
  const [us, them]: [T[], T[]] = [[], []];
  run(ours);
  if (haveGo) run(go); // warm-up, not counted
  for (let round = 0; round < rounds; round++) {
    us.push(run(ours));
    if (haveGo) them.push(run(go));
  }
  return { us, them };
}

console.log(`milliseconds, medians of ${rounds} pairs`.padEnd(62), "cnibox       Go   ratio");
const version = pairs((bin) => bench.version(bin, "bridge"));
row("VERSION", version.us, version.them);
const sides = haveGo ? [ours, go] : [ours];
const whole = chain((type) => sides.every((bin) => existsSync(`${bin}/${type}`)));
for (const network of [...networks, whole]) {
  const { us, them } = pairs((bin) => bench.attach(bin, network));
  row(
    `${network.label}: ADD`,
    us.map(({ add }) => add),
    them.map(({ add }) => add),
  );
  row(
    `${network.label}: DEL`,
    us.map(({ del }) => del),
    them.map(({ del }) => del),
  );
}

const [alone] = networks.filter(({ plugins }) => plugins[0]?.ipMasq);
if (alone) {
  const measure = () => Array.from({ length: rounds }, () => bench.attach(ours, alone).add);
  const before = measure();
  fillNetwork(ours, bench.scratch, alone, 5000);
  const after = measure();
  const ratio = median(after) / median(before);
  console.log(
    `\n${alone.label}: ADD with 5,000 attachments present, against 1: ${ratio.toFixed(2)} ` +
      `(${median(before).toFixed(2)} and ${median(after).toFixed(2)} ms)`,
  );
}

const [{ plugins = [] } = {}] = networks.filter(({ label }) => label.startsWith("bridge"));
const memory = (bin: string) => bench.memory(bin, { label: "memory", plugins });
console.log(
  `\npeak memory of a bridge ADD: ${memory(ours)} KiB`,
  haveGo ? `(Go ${memory(go)} KiB)` : "",
);
const leases = async (bin: string) => (await daemonMemory(bin, bench.scratch, 1000)).peak;
console.log(
  `peak memory of a DHCP daemon with 1,000 leases: ${await leases(ours)} KiB`,
  haveGo ? `(Go ${await leases(go)} KiB)` : "",
);
console.log(`size: ${megabytes(ours)} MB`, haveGo ? `(Go ${megabytes(go)} MB)` : "");
if (!haveGo) console.log(`No Go plugins in ${go}: no ratios`);

/** The size of all plugins of a directory, files that are one file counted once. */
function megabytes(bin: string): string {
  const files = new Set(readdirSync(bin).map((name) => realpathSync(`${bin}/${name}`)));
  const bytes = [...files].reduce((sum, file) => sum + statSync(file).size, 0);
  return (bytes / 1e6).toFixed(1);
}
