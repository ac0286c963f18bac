/**
 * `npm test`: builds, checks, and runs all tests, on everything they are meant for.
 *
 *     npm test [-- --only=bridge --no-build]
 *
 * Passes: every file natively, the black-box ones with our executable; those of `onNode` with the
 * same code on Node; those of `onGo` with the Go plugins, which shows that a test asks for what the
 * reference does; and the cases that this kernel cannot run in the guest, ours and Go's.
 * `npm run test:sanitize` runs the black-box files natively with an executable that checks itself;
 * not those that disturb it by strace, under which the leak check cannot work, nor the crowds, nor what is
 * frozen, of which it has nothing.
 * `--only` takes a part of a file's path; CNI_BIN another directory of plugins than `build/bin`.
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { build } from "esbuild";
import { runInGuest } from "./guest.ts";
import { engineDirectory, nodeDirectory } from "./plugin-dirs.ts";
import { type Report, readTap, sum } from "./tap.ts";

const out = "build/test";
const goDirectory = "/usr/lib/cni";
const onNode = /applets\/(bridge|loopback|host-local|macvlan|ptp|tap|host-device)\.test/;
const onGo =
  /applets\/(bandwidth(-config|-cleanup)?|bridge(-port|-address|-check|-masquerade|-spoofcheck)?|loopback|macvlan|ipvlan|vlan|ptp|host-device(-loan|-select)?)\.test/;
// They wait a third of their time: for the kernel, for addresses, for each other.
const jobs = 3;
const fileTimeout = 600_000;

const flags = process.argv.slice(2);
const only = flags.find((flag) => flag.startsWith("--only="))?.slice("--only=".length) ?? "";
const sanitize = flags.includes("--sanitize");

interface Pass {
  name: string;
  files: string[];
  env: Record<string, string>;
}

let checked = true;
if (!flags.includes("--no-build")) {
  step("build", "npm", ["run", "--silent", sanitize ? "build:sanitize" : "build"]);
  if (!sanitize) {
    step("build:node", "npm", ["run", "--silent", "build:node"]);
    step("build:library", "npx", ["tsx", "src/_tools/library.ts"]);
    checked = step("check", "npm", ["run", "--silent", "check"], true);
  }
}
const built = sanitize
  ? engineDirectory("build/sanitize/cnibox", "build/sanitize/bin")
  : engineDirectory();
const engine = process.env.CNI_BIN ?? built;
if (!engine) throw new Error("Cannot test: build/cnibox is not built");
const ours: string = engine;
const node = nodeDirectory();

const all = (await bundleTests()).filter((file) => file.includes(only));
const black = (file: string) => /\/(applets|cnitool|conformance|main)\//.test(file);
/** The cases that a pass leaves to the guest. */
const deferred = resolve(out, "deferred");
const deferredGo = resolve(out, "deferred-go");
for (const list of [deferred, deferredGo]) rmSync(list, { force: true });

const native: Pass = {
  name: "native",
  files: sanitize
    ? all.filter((file) => black(file) && !/-(faults|kills|parallel)|frozen/.test(file))
    : all,
  env: { CNI_BIN: resolve(engine), CNIBOX_DEFER: deferred },
};
const onNodeHost: Pass = {
  name: "node",
  files: sanitize || !node ? [] : all.filter((file) => onNode.test(file)),
  env: { CNI_BIN: resolve(node ?? "") },
};
const goPlugins: Pass = {
  name: "go",
  files: sanitize ? [] : all.filter((file) => onGo.test(file)),
  env: { CNI_BIN: goDirectory, CNIBOX_DEFER: deferredGo },
};
const reports = new Map<string, Report>();
/** The lines of the lists that a guest has been given. */
const given = new Set<string>();

// A guest has one processor, and waits a lot: it begins as soon as what it has to do is known, and all
// others go on meanwhile.
const saysNeeds = (file: string) => /needs|CONFIG_/.test(readFileSync(sourceOf(file), "utf8"));
await runPass({ ...native, files: native.files.filter(saysNeeds) });
await Promise.all([guestPass("guest", ours, deferred), otherPasses()]);
conclude();

async function otherPasses(): Promise<void> {
  await runPass({ ...native, files: native.files.filter((file) => !saysNeeds(file)) });
  await runPass(goPlugins);
  await Promise.all([
    guestPass("guest, late", ours, deferred),
    guestPass("guest-go", goDirectory, deferredGo),
    runPass(onNodeHost),
  ]);
}

function sourceOf(bundle: string): string {
  return bundle.replace(out, "test").replace(/mjs$/, "ts");
}

/** Bundles the test files; returns the bundles. */
async function bundleTests(): Promise<string[]> {
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  const files = readdirSync("test", { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".test.ts"))
    .map((file) => `test/${file}`)
    .sort();
  await build({
    entryPoints: files,
    outbase: "test",
    outdir: out,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    packages: "external",
    sourcemap: true,
    sourcesContent: false,
    logLevel: "warning",
  });
  return files.map((file) => file.replace(/^test/, out).replace(/ts$/, "mjs"));
}

/** Runs a pass's files, some at a time, and tells each as it ends. */
async function runPass({ name, files, env }: Pass): Promise<void> {
  if (files.length === 0) return;
  const found: Report[] = [];
  // The longest first, so that no core waits for it at the end.
  const queue = [...files].sort((a, b) => cost(b) - cost(a)).values();
  const worker = async () => {
    for (const file of queue) {
      const began = Date.now();
      const report = await runFile(file, env, resolve(out, name));
      found.push(report);
      tell(name, file, report, Date.now() - began);
    }
  };
  await Promise.all(Array.from({ length: jobs }, worker));
  reports.set(name, sum([...found, ...(reports.has(name) ? [reports.get(name) as Report] : [])]));
}

function cost(file: string): number {
  if (/fault|kill|parallel|load|library\/(compiled|package)/.test(file)) return 2;
  return black(file) ? 1 : 0;
}

function runFile(file: string, env: Record<string, string>, logs: string): Promise<Report> {
  const test = spawn(process.execPath, ["--enable-source-maps", file], {
    env: { ...process.env, TAP_TIMEOUT: "0", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let tap = "";
  let said = "";
  test.stdout.setEncoding("utf8").on("data", (text: string) => {
    tap += text;
  });
  test.stderr.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  const timer = setTimeout(() => test.kill("SIGKILL"), fileTimeout);
  return new Promise((done, failed) => {
    test.on("error", failed);
    test.on("close", (status) => {
      clearTimeout(timer);
      mkdirSync(logs, { recursive: true });
      writeFileSync(join(logs, `${short(file).replaceAll("/", "-")}.tap`), tap);
      const elsewhere = status === 0 && tap === "" && isListed(file, env.CNIBOX_DEFER);
      const report = elsewhere ? sum([]) : readTap(short(file), tap, status);
      if (report.failed > 0) report.failures += said;
      done(report);
    });
  });
}

/** Whether cases of a file were left to the guest. */
function isListed(file: string, list: string | undefined): boolean {
  if (!list || !existsSync(list)) return false;
  return readFileSync(list, "utf8").includes(`${resolve(file)}\t`);
}

/** The cases of a list that no guest has been given, if there are any, in the guest. */
async function guestPass(name: string, plugins: string, list: string): Promise<void> {
  if (!existsSync(list)) return;
  if (sanitize) {
    reports.set(name, notInGuest());
    return;
  }
  const lines = readFileSync(list, "utf8").trim().split("\n");
  const wanted = lines.filter((line) => !given.has(line + plugins));
  if (wanted.length === 0) return;
  for (const line of wanted) given.add(line + plugins);
  const only = resolve(out, `only ${name}`);
  writeFileSync(only, `${wanted.join("\n")}\n`);
  const files = [...new Set(wanted.map((line) => relative(".", line.split("\t", 1)[0] ?? "")))];
  const env = { CNI_BIN: resolve(plugins), CNIBOX_ONLY: only, TAP_TIMEOUT: "0" };
  const run = await runInGuest(name.replace(/\W+/, "-"), files, env, 900);
  const found = files.map((file) => {
    const { tap, status } = run.taps.get(file) ?? { tap: "", status: 1 };
    const report = readTap(short(file), tap, status);
    tell(name, file, report);
    return report;
  });
  const report = sum(found);
  console.log(
    `# ${name}: booted in ${run.seconds.boot} s, ran for ${run.seconds.total.toFixed(0)} s`,
  );
  const ran = report.passed + report.failed + report.skipped.length;
  if (run.trouble || ran < wanted.length) {
    report.failed++;
    report.failures += `${name}: ${ran} of ${wanted.length} cases ran\n${run.trouble ?? ""}\n`;
  }
  reports.set(name, report);
}

/** The address sanitizer wants a memory layout that the guest does not have. */
function notInGuest(): Report {
  const names = readFileSync(deferred, "utf8").trim().split("\n");
  const skipped = names.map(
    (name) => `${name.replace(/.*\t/, "")}: not in the guest with sanitizers`,
  );
  return { passed: 0, failed: 0, skipped, failures: "" };
}

function tell(pass: string, file: string, report: Report, milliseconds?: number): void {
  const time = milliseconds === undefined ? "" : ` (${(milliseconds / 1000).toFixed(1)} s)`;
  const { passed, failed, skipped } = report;
  console.log(
    `${failed > 0 ? "not ok" : "ok"} ${pass} ${short(file)}: ${passed} passed, ${failed} failed, ${skipped.length} skipped${time}`,
  );
}

function short(file: string): string {
  return file.replace(`${out}/`, "").replace(/\.test\.mjs$/, "");
}

/** Prints what failed and what was skipped, and the closing line; sets the exit status. */
function conclude(): void {
  const total = sum([...reports.values()]);
  const differences = total.skipped.filter((why) => why.includes("Go differs:"));
  const skipped = total.skipped.filter((why) => !why.includes("Go differs:"));
  if (total.failures) console.log(`\n${total.failures}`);
  for (const why of skipped) console.log(`# skipped: ${why}`);
  const ran = [...reports].map(([name, { passed, failed }]) => `${passed + failed} ${name}`);
  console.log(
    `# ran: ${ran.join(", ")}; ${differences.length} cases are about what Go does not do`,
  );
  if (!checked) {
    total.failed++;
    console.log("# npm run check failed: see above");
  }
  console.log(`${total.passed} passed, ${total.failed} failed, ${skipped.length} skipped`);
  process.exitCode = total.failed > 0 || total.passed === 0 ? 1 : 0;
}

/** Runs a program; returns whether it went well. Where it did not, nothing can be tested, unless `goOn`. */
function step(name: string, program: string, args: string[], goOn = false): boolean {
  const began = Date.now();
  const env = { ...process.env, ...(process.stdout.isTTY ? {} : { NO_COLOR: "1" }) };
  const done = spawnSync(program, args, { stdio: ["ignore", "inherit", "inherit"], env });
  console.log(`# ${name}: ${((Date.now() - began) / 1000).toFixed(1)} s`);
  if (done.status === 0) return true;
  if (goOn) return false;
  console.log(`Cannot test: ${name} failed\n0 passed, 1 failed`);
  process.exit(1);
}
