/** A DHCP server that we did not write, and our daemon, in a sandbox. */
import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { pluginPath } from "../harness/hosts.ts";
import type { Namespace, Sandbox } from "../harness/sandbox.ts";

export const socket = "/run/cni/dhcp.sock";
export const leases = "/run/cni/dhcp";

/** A bridge of the host with a namespace `server` on it: 10.9.0.1, fd00:9::1. */
export function addServer(
  { host, addNamespace }: Sandbox,
  name = "server",
  bridge = "br0",
): Namespace {
  const server = addNamespace(name);
  host.sh(`ip link add ${bridge} type bridge
    ip link set ${bridge} up
    ip link add ${name} type veth peer name eth0 netns ${name}
    ip link set ${name} up master ${bridge}`);
  server.sh(`ip addr add 10.9.0.1/24 dev eth0
    ip addr add fd00:9::1/64 dev eth0 nodad
    ip link set lo up
    ip link set eth0 up`);
  return server;
}

export interface Server {
  /** What it has written so far. */
  log(): string;
  stop(): Promise<void>;
}

/** Starts dnsmasq; `more` are further options, and win. */
export async function dnsmasq(namespace: Namespace, ...more: string[]): Promise<Server> {
  const file = `/run/dnsmasq-${Math.random().toString(36).slice(2)}.log`;
  const child = namespace.start([
    // It says all twice, and would wait for us to read it while we wait for a plugin.
    ...'sh|-c|exec "$0" "$@" >/dev/null 2>&1'.split("|"),
    "dnsmasq",
    "--no-daemon",
    "--conf-file=/dev/null",
    "--port=0",
    "--interface=eth0",
    "--bind-interfaces",
    "--dhcp-sequential-ip",
    "--dhcp-authoritative",
    "--no-ping",
    "--log-dhcp",
    `--log-facility=${file}`,
    "--dhcp-leasefile=/run/dnsmasq.leases",
    ...(more.some((option) => option.startsWith("--dhcp-range"))
      ? []
      : ["--dhcp-range=10.9.0.5,10.9.0.200,1h"]),
    ...more,
  ]);
  const path = namespace.file(file);
  const log = () => (existsSync(path) ? readFileSync(path, "utf8") : "");
  await until(() => log().includes("started"), "dnsmasq has started");
  return { log, stop: () => stop(child) };
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
      `the daemon says ${wanted}; it said:\n${text}`,
    );
  await says(/serving|Cannot/);
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
export async function until(holds: () => boolean, what: string, seconds = 20): Promise<void> {
  for (const end = Date.now() + seconds * 1000; Date.now() < end; await pause(50)) {
    if (holds()) return;
  }
  assert.fail(`in ${seconds} s it did not come about that ${what}`);
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
