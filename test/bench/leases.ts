/** The memory of a DHCP daemon that keeps many leases, got from dnsmasq by as many calls of ADD. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { time } from "./timing.ts";
import { sh } from "./workload.ts";

/** What the kernel says of a process, in KiB. */
interface Memory {
  now: number;
  peak: number;
}

/**
 * All leases are for one link, since a client is told by its id: the daemon does the same for them
 * as for a thousand links, which would take a minute to make.
 */
export async function daemonMemory(bin: string, scratch: string, leases: number): Promise<Memory> {
  sh(`ip netns add leases; ip netns add server
    ip -n server link add eth0 type veth peer name eth0 netns leases
    ip -n server addr add 10.20.0.1/16 dev eth0
    ip -n server link set eth0 up; ip -n leases link set eth0 up`);
  const server = start(scratch, "dnsmasq", [
    ...["netns", "exec", "server", "dnsmasq", "--no-daemon", "--conf-file=/dev/null", "--port=0"],
    ...["--interface=eth0", "--bind-interfaces", "--no-ping", "--dhcp-sequential-ip"],
    ...[`--dhcp-leasefile=${scratch}/leases`, "--dhcp-range=10.20.1.0,10.20.254.0,1h"],
    `--dhcp-lease-max=${leases}`,
  ]);
  const socket = `${scratch}/dhcp.sock`;
  const daemon = spawn(`${bin}/dhcp`, ["daemon", "-socketpath", socket], { stdio: "ignore" });
  try {
    while (!existsSync(socket)) await new Promise((resolve) => setTimeout(resolve, 20));
    for (let i = 0; i < leases; i++) {
      time(scratch, {
        path: `${bin}/dhcp`,
        input: JSON.stringify({
          cniVersion: "1.0.0",
          name: "leases",
          ipam: { type: "dhcp", daemonSocketPath: socket },
        }),
        env: {
          CNI_COMMAND: "ADD",
          CNI_CONTAINERID: `leases${i}`,
          CNI_NETNS: "/run/netns/leases",
          CNI_IFNAME: "eth0",
          CNI_PATH: bin,
        },
      });
    }
    return memoryOf(daemon);
  } finally {
    daemon.kill("SIGKILL");
    server.kill("SIGKILL");
    sh(`ip netns del leases; ip netns del server; rm -rf ${scratch}/dhcp* ${scratch}/leases`);
  }
}

function start(scratch: string, name: string, args: string[]): ChildProcess {
  // dnsmasq's own log is of no interest, and must not fill a pipe.
  return spawn("ip", args, { stdio: "ignore", cwd: scratch, argv0: name });
}

function memoryOf({ pid }: ChildProcess): Memory {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const kib = (key: string) => Number(new RegExp(`${key}:\\s+(\\d+)`).exec(status)?.[1]);
  return { now: kib("VmRSS"), peak: kib("VmHWM") };
}
