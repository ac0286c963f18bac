/**
 * What a fresh machine lacks: Debian packages (by apt as root, else named) and npm packages.
 * Plain JavaScript without a dependency, since it runs before there are any.
 *
 *     node src/_tools/setup.mjs build        # what the build needs
 *     node src/_tools/setup.mjs build test   # and what the tests need
 */
import { spawnSync } from "node:child_process";
import { existsSync, statSync } from "node:fs";

const machine = { x64: "x86_64", arm64: "aarch64" }[process.arch] ?? process.arch;

/** Purpose → file that shows the package is there → Debian package. */
const needed = {
  build: {
    "/usr/bin/g++": "g++",
    "/usr/bin/make": "make",
    "/usr/bin/python3": "python3",
    [`/usr/lib/${machine}-linux-musl/libc.a`]: "musl-dev",
  },
  demo: { "/sbin/ip": "iproute2", "/bin/ping": "iputils-ping", "/usr/sbin/nft": "nftables" },
  test: {
    "/sbin/ip": "iproute2",
    "/bin/ping": "iputils-ping",
    "/usr/sbin/nft": "nftables",
    "/usr/sbin/iptables": "iptables",
    "/usr/bin/tcpdump": "tcpdump",
    "/usr/bin/strace": "strace",
    "/usr/bin/linux.uml": "user-mode-linux",
    "/sbin/modprobe": "kmod",
    "/usr/sbin/conntrack": "conntrack",
    "/usr/sbin/dnsmasq": "dnsmasq-base",
    "/usr/lib/cni/bridge": "containernetworking-plugins",
    "/usr/bin/go": "golang-go",
    "/usr/share/gocode/src/github.com/containernetworking/cni/libcni": "golang-github-appc-cni-dev",
  },
  bench: {
    "/sbin/ip": "iproute2",
    "/usr/bin/time": "time",
    "/usr/lib/cni/bridge": "containernetworking-plugins",
  },
};

const missing = new Set();
for (const purpose of process.argv.slice(2)) {
  for (const [file, name] of Object.entries(needed[purpose] ?? {})) {
    if (!existsSync(file)) missing.add(name);
  }
}
if (missing.size > 0) {
  const packages = [...missing];
  if (process.getuid?.() !== 0 || !existsSync("/usr/bin/apt-get")) {
    fail(
      `Cannot go on: these Debian packages are missing (run as root to have them installed): ${packages.join(" ")}`,
    );
  }
  console.log(`Installing ${packages.join(" ")}`);
  run("apt-get", ["update", "-qq"]);
  run("apt-get", ["install", "-y", "-qq", "--no-install-recommends", ...packages]);
}

const marker = "node_modules/.package-lock.json";
if (!existsSync(marker) || statSync(marker).mtimeMs < statSync("package-lock.json").mtimeMs) {
  run("npm", ["ci", "--no-audit", "--no-fund"]);
}

function run(program, args) {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const done = spawnSync(program, args, { stdio: ["ignore", "inherit", "inherit"], env });
  if (done.status !== 0) fail(`Cannot go on: ${program} ${args[0]} failed`);
}

function fail(message) {
  console.error(message);
  process.exit(1);
}
