/** A DHCP server that we did not write, and our daemon, in a sandbox. */
import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { pluginPath } from "../harness/hosts.ts";
import type { Namespace, Sandbox } from "../harness/sandbox.ts";

export const socket = "/run/cni/dhcp.sock";
export const leases = "/run/cni/dhcp";

/** A namespace with a link `eth0` on a bridge of the host: 10.9.0.1, fd00:9::1. */
export function addServer(
  { host, addNamespace }: Sandbox,
  name = "server",
  bridge = "br0",
  address = "10.9.0.1",
): Namespace {
  const server = addNamespace(name);
  host.sh(`ip link show ${bridge} >/dev/null 2>&1 || ip link add ${bridge} address 02:00:00:00:00:01 type bridge
    ip link set ${bridge} up
    ip link add ${name} type veth peer name eth0 netns ${name}
    ip link set ${name} up master ${bridge}`);
  const [, network, last] = /^10\.(\d+)\.0\.(\d+)$/.exec(address) ?? [];
  server.sh(`echo 0 >/proc/sys/net/ipv6/conf/eth0/accept_dad
    ip addr add ${address}/24 dev eth0
    ip addr add fd00:${network}::${last}/64 dev eth0 nodad
    ip link set lo up
    ip link set eth0 up`);
  return server;
}

export interface Server {
  pid: number;
  /** What it has written so far. */
  log(): string;
  /** Waits until the log has this, so many times. */
  says(text: RegExp, times?: number): Promise<void>;
  stop(signal?: NodeJS.Signals): Promise<void>;
}

/** Starts dnsmasq; `more` are further options, and win. */
export function dnsmasq(namespace: Namespace, ...more: string[]): Promise<Server> {
  const options = [
    "--no-daemon",
    "--conf-file=/dev/null",
    "--port=0",
    "--interface=eth0",
    "--bind-interfaces",
    "--dhcp-sequential-ip",
    "--dhcp-authoritative",
    "--no-ping",
    "--log-dhcp",
    "--dhcp-leasefile=/run/dnsmasq.leases",
    ...(more.some((option) => option.startsWith("--dhcp-range"))
      ? []
      : ["--dhcp-range=10.9.0.5,10.9.0.200,1h"]),
  ];
  return startServer(namespace, ["dnsmasq", ...options, ...more], /started/);
}

/** What the servers that are not dnsmasq are to hand out; all times in seconds. */
export interface Pool {
  /** The network of the server, without the last part: `10.9.0`, or `fd00:9::`. */
  subnet: string;
  /** The last parts of the first and the last address. */
  range: readonly [first: number, last: number];
  lifetime: number;
  renew: number;
  rebind: number;
  /** Where leases are remembered; a server that is to know those of another gets its file. */
  leases: string;
}

const pool4: Pool = {
  subnet: "10.9.0",
  range: [5, 99],
  lifetime: 3600,
  renew: 1800,
  rebind: 3000,
  leases: "/run/server.leases",
};
const pool6: Pool = { ...pool4, subnet: "fd00:9::" };

/** Starts a server that gives out addresses, and itself as the router. */
export type StartServer = (namespace: Namespace, pool?: Partial<Pool>) => Promise<Server>;

export const kea4: StartServer = (namespace, pool) => {
  const {
    subnet,
    range: [first, last],
    lifetime,
    renew,
    rebind,
    leases,
  } = { ...pool4, ...pool };
  const config = {
    Dhcp4: {
      "interfaces-config": { interfaces: ["eth0"], "dhcp-socket-type": "raw" },
      "lease-database": { type: "memfile", persist: true, name: leases, "lfc-interval": 0 },
      "valid-lifetime": lifetime,
      "renew-timer": renew,
      "rebind-timer": rebind,
      authoritative: true,
      subnet4: [
        {
          id: 1,
          subnet: `${subnet}.0/24`,
          pools: [{ pool: `${subnet}.${first} - ${subnet}.${last}` }],
          "option-data": [{ name: "routers", data: `${subnet}.1` }],
        },
      ],
    },
  };
  return startKea(namespace, 4, config);
};

export const kea6: StartServer = (namespace, pool) => {
  const {
    subnet,
    range: [first, last],
    lifetime,
    renew,
    rebind,
    leases,
  } = { ...pool6, ...pool };
  const config = {
    Dhcp6: {
      "interfaces-config": { interfaces: ["eth0"] },
      "lease-database": { type: "memfile", persist: true, name: leases, "lfc-interval": 0 },
      "preferred-lifetime": lifetime,
      "valid-lifetime": lifetime,
      "renew-timer": renew,
      "rebind-timer": rebind,
      subnet6: [
        {
          id: 1,
          interface: "eth0",
          subnet: `${subnet}/64`,
          pools: [{ pool: `${subnet}${first} - ${subnet}${last}` }],
        },
      ],
    },
  };
  return startKea(namespace, 6, config);
};

function startKea(namespace: Namespace, version: 4 | 6, config: object): Promise<Server> {
  const output_options = [{ output: "stdout" }];
  const text = JSON.stringify({
    [`Dhcp${version}`]: {
      ...Object.values(config)[0],
      loggers: [
        { name: `kea-dhcp${version}`, severity: "INFO", output_options },
        { name: `kea-dhcp${version}.packets`, severity: "DEBUG", debuglevel: 50, output_options },
      ],
    },
  });
  const file = `/run/kea-${unique()}`;
  namespace.sh(`mkdir -p ${file} /var/lib/kea; cat >${file}/conf <<'END'\n${text}\nEND`);
  return startServer(
    namespace,
    [
      ...["env", `KEA_PIDFILE_DIR=${file}`, `KEA_LOCKFILE_DIR=${file}`],
      ...[`kea-dhcp${version}`, "-c", `${file}/conf`],
    ],
    /DHCP[46]_STARTED/,
  );
}

export const isc4: StartServer = (namespace, pool) => {
  const {
    subnet,
    range: [first, last],
    lifetime,
    renew,
    rebind,
    leases,
  } = { ...pool4, ...pool };
  return startIsc(
    namespace,
    4,
    leases,
    `authoritative;
     default-lease-time ${lifetime}; min-lease-time ${lifetime}; max-lease-time ${lifetime};
     option dhcp-renewal-time ${renew}; option dhcp-rebinding-time ${rebind};
     subnet ${subnet}.0 netmask 255.255.255.0 {
       range ${subnet}.${first} ${subnet}.${last};
       option routers ${subnet}.1;
     }`,
  );
};

export const isc6: StartServer = (namespace, pool) => {
  const {
    subnet,
    range: [first, last],
    lifetime,
    renew,
    rebind,
    leases,
  } = { ...pool6, ...pool };
  return startIsc(
    namespace,
    6,
    leases,
    `authoritative;
     default-lease-time ${lifetime}; preferred-lifetime ${lifetime};
     option dhcp-renewal-time ${renew}; option dhcp-rebinding-time ${rebind};
     subnet6 ${subnet}/64 { range6 ${subnet}${first} ${subnet}${last}; }`,
  );
};

function startIsc(
  namespace: Namespace,
  version: 4 | 6,
  leases: string,
  config: string,
): Promise<Server> {
  const file = `/run/isc-${unique()}`;
  namespace.sh(`touch ${leases}; cat >${file} <<'END'\nddns-update-style none;\n${config}\nEND`);
  const files = ["-cf", file, "-lf", leases, "-pf", `${file}.pid`];
  return startServer(
    namespace,
    ["dhcpd", `-${version}`, "-f", "-d", ...files, "eth0"],
    /Server starting service/,
  );
}

/** What DHCP sends and gets on a server's link, as tcpdump tells it. */
export function watchWire(namespace: Namespace): Promise<Server> {
  const filter = "udp port 67 or udp port 547";
  return startServer(
    namespace,
    ["tcpdump", "-l", "-n", "-e", "-i", "eth0", filter],
    /listening on/,
  );
}

/** Its words go to a file: a pipe would fill up while we wait for a plugin. */
export async function startServer(
  namespace: Namespace,
  argv: string[],
  started: RegExp,
): Promise<Server> {
  const file = `/run/log-${unique()}`;
  const child = namespace.start(["sh", "-c", `exec "$0" "$@" >${file} 2>&1`, ...argv]);
  const path = namespace.file(file);
  const log = () => (existsSync(path) ? readFileSync(path, "utf8") : "");
  const says = async (text: RegExp, times = 1) => {
    const all = new RegExp(text, "g");
    await until(
      () => (log().match(all)?.length ?? 0) >= times,
      () => `the server says ${times} times ${text}; it said:\n${log()}`,
    );
  };
  await says(started);
  return { log, says, pid: child.pid as number, stop: (signal) => stop(child, signal) };
}

function unique(): string {
  return Math.random().toString(36).slice(2);
}

export interface Daemon {
  log(): string;
  pid: number;
  stop(signal?: NodeJS.Signals): Promise<number | null>;
  /** Waits until the log has this. */
  says(text: string | RegExp): Promise<void>;
}

/** Starts `dhcp daemon` in the sandbox, and waits until it serves. */
export async function daemon({ host }: Sandbox, ...flags: string[]): Promise<Daemon> {
  const child = host.start([pluginPath("dhcp"), "daemon", ...flags]);
  let text = "";
  child.stderr?.setEncoding("utf8").on("data", (data) => {
    text += data;
  });
  const log = () => text;
  const says = (wanted: string | RegExp) =>
    until(
      () => (typeof wanted === "string" ? text.includes(wanted) : wanted.test(text)),
      () => `the daemon says ${wanted}; it said:\n${text}`,
    );
  await says(/serving|Cannot serve|-pidfile/);
  return {
    log,
    says,
    pid: child.pid as number,
    stop: async (signal = "SIGTERM") => {
      await stop(child, signal);
      return child.exitCode;
    },
  };
}

async function stop(child: ChildProcess, signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  child.kill(signal);
  await ended;
}

/** Waits for something that is going to be. */
export async function until(
  holds: () => boolean,
  what: string | (() => string),
  seconds = 20,
): Promise<void> {
  for (const end = Date.now() + seconds * 1000; Date.now() < end; await pause(50)) {
    if (holds()) return;
  }
  const told = typeof what === "string" ? what : what();
  assert.fail(`in ${seconds} s it did not come about that ${told}`);
}

export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** The lease files, without ending. */
export function stored({ host }: Sandbox): string[] {
  return host
    .sh(`ls ${leases} 2>/dev/null || true`)
    .split("\n")
    .filter((file) => /\.(json|released)$/.test(file))
    .sort();
}

export const bridge = (ipam: object = {}, more: object = {}) => ({
  type: "bridge",
  bridge: "br0",
  ipam: { type: "dhcp", ...ipam },
  ...more,
});
