/**
 * Boots the User Mode Linux guest, for what the kernel at hand lacks.
 *
 * The guest has the machine's own file system, so nothing is copied: it runs the bundled tests with
 * this very Node. `test/guest/init.sh` is its first process.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

export interface GuestRun {
  /** What the files printed, by name; a file that was not reached is absent. */
  taps: Map<string, { tap: string; status: number }>;
  seconds: { boot: number; total: number };
  /** What the guest itself said, when it did not come to its end. */
  trouble?: string;
}

const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;

/**
 * @param name of the run, of which several may be under way
 * @param files bundled test files; `env` is given to each
 */
export async function runInGuest(
  name: string,
  files: string[],
  env: Record<string, string>,
  timeoutSeconds: number,
): Promise<GuestRun> {
  const job = resolve("build/test", name);
  rmSync(job, { recursive: true, force: true });
  mkdirSync(job, { recursive: true });
  const script = [
    `cut -d' ' -f1 /proc/uptime >${job}/booted`,
    `cd ${quoted(process.cwd())}`,
    ...Object.entries(env).map(([name, value]) => `export ${name}=${quoted(value)}`),
    ...files.map((file, i) =>
      [process.execPath, "--enable-source-maps", resolve(file)]
        .map(quoted)
        .join(" ")
        .concat(` >${job}/${i}.tap; echo $? >${job}/${i}.status`),
    ),
  ];
  writeFileSync(join(job, "run.sh"), `${script.join("\n")}\n`);

  const began = Date.now();
  const said = await boot(job, timeoutSeconds);
  const taps = new Map<string, { tap: string; status: number }>();
  for (const [i, file] of files.entries()) {
    if (!existsSync(join(job, `${i}.status`))) continue;
    const read = (name: string) => readFileSync(join(job, `${i}.${name}`), "utf8");
    taps.set(file, { tap: read("tap"), status: Number(read("status")) });
  }
  const ended = existsSync(join(job, "done"));
  const booted = existsSync(join(job, "booted")) ? readFileSync(join(job, "booted"), "utf8") : "0";
  return {
    taps,
    seconds: { boot: Number(booted), total: (Date.now() - began) / 1000 },
    ...(ended ? {} : { trouble: said }),
  };
}

/** Runs the guest until it powers off; returns what it wrote to its console. */
function boot(job: string, timeoutSeconds: number): Promise<string> {
  const kernel = spawn(
    "linux.uml",
    [
      ...["mem=1024M", "rootfstype=hostfs", "root=/dev/root", "rootflags=/", "rw", "quiet"],
      ...[`init=${resolve("test/guest/init.sh")}`, `JOB=${job}`, `uml_dir=${job}`],
      ...["con=null", "con0=fd:0,fd:1", "ssl=null"],
    ],
    // Its threads are processes here: a group of their own, to be ended as one.
    { stdio: ["ignore", "pipe", "pipe"], detached: true },
  );
  let said = "";
  for (const stream of [kernel.stdout, kernel.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      said += text;
    });
  }
  const end = () => kernel.pid && process.kill(-kernel.pid, "SIGKILL");
  const timer = setTimeout(() => {
    said += `\nstopped after ${timeoutSeconds} s`;
    end();
  }, timeoutSeconds * 1000);
  process.once("exit", () => kernel.exitCode === null && kernel.signalCode === null && end());
  return new Promise((done, failed) => {
    kernel.on("error", failed);
    kernel.on("close", () => {
      clearTimeout(timer);
      done(said);
    });
  });
}
