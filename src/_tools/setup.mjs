/**
 * What a fresh machine lacks: Debian packages (by apt as root, else named) and npm packages.
 * Plain JavaScript without a dependency, since it runs before there are any.
 *
 *     node src/_tools/setup.mjs build        # what the build needs
 *     node src/_tools/setup.mjs build test   # and what the tests need
 */
import { spawnSync } from "node:child_process";
import { existsSync, rmSync, statSync, writeFileSync } from "node:fs";

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
    "/usr/sbin/kea-dhcp4": "kea-dhcp4-server",
    "/usr/sbin/kea-dhcp6": "kea-dhcp6-server",
    "/usr/sbin/dhcpd": "isc-dhcp-server",
    "/usr/bin/dbus-daemon": "dbus-daemon",
    "/usr/sbin/firewalld": "firewalld",
    "/usr/lib/cni/bridge": "containernetworking-plugins",
    "/usr/bin/go": "golang-go",
    "/usr/share/gocode/src/github.com/containernetworking/cni/libcni": "golang-github-appc-cni-dev",
  },
  bench: {
    "/sbin/ip": "iproute2",
    "/usr/bin/time": "time",
    "/usr/sbin/dnsmasq": "dnsmasq-base",
    "/usr/lib/cni/bridge": "containernetworking-plugins",
  },
};

/** Packages whose services are not to run on this machine: the tests start the programs. */
const services = ["kea-dhcp4-server", "kea-dhcp6-server", "isc-dhcp-server"];

process.on("uncaughtException", ({ message }) => fail(message));

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
  withoutServices(() =>
    run("apt-get", ["install", "-y", "-qq", "--no-install-recommends", ...packages]),
  );
  for (const service of services.filter((name) => missing.has(name))) {
    run("update-rc.d", [service, "disable"]); // nor are they to start with the machine
  }
}

const marker = "node_modules/.package-lock.json";
if (!existsSync(marker) || statSync(marker).mtimeMs < statSync("package-lock.json").mtimeMs) {
  run("npm", ["ci", "--no-audit", "--no-fund"]);
}

/** Debian's way to keep packages from starting what they bring; a policy that is there stays. */
function withoutServices(install) {
  const policy = "/usr/sbin/policy-rc.d";
  if (existsSync(policy)) return install();
  writeFileSync(policy, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  try {
    install();
  } finally {
    rmSync(policy);
  }
}

function run(program, args) {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const done = spawnSync(program, args, { stdio: ["ignore", "inherit", "inherit"], env });
  if (done.status !== 0) throw new Error(`Cannot go on: ${program} ${args[0]} failed`);
}

function fail(message) {
  console.error(message);
  process.exit(1);
}
