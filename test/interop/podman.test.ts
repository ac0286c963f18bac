/**
 * podman with its CNI backend, on a directory made by `cnibox --install`. It runs where podman is
 * installed and has CNI, which from 4.8 on is a choice of who builds it; Debian 12 has 4.3. No image is needed: the
 * container's files are the machine's own.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { realpathSync } from "node:fs";
import t from "tap";
import { go, pluginPath } from "../harness/hosts.ts";
import { type Json, type Namespace, onlyOurs, type Sandbox } from "../harness/sandbox.ts";
import { ask } from "../harness/servers.ts";
import type { State } from "../harness/state.ts";

const configuration = `
[network]
network_backend = "cni"
cni_plugin_dirs = ["/run/cni-bin"]
network_config_dir = "/run/net.d"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
lock_type = "file"
`;

/** Answers with the address that it was asked from. */
const server = `
  require("net").createServer((client) => client.end("asked by " + client.remoteAddress + "\\n"))
    .listen(80, "0.0.0.0", () => console.log("ready"));
  setTimeout(process.exit, 60000);
`;

/** podman, with all that it keeps inside the sandbox. */
class Podman {
  readonly #box: Sandbox;

  constructor(box: Sandbox) {
    this.#box = box;
    const { host } = box;
    const write = (path: string, text: string) => host.run(["tee", path], { input: text });
    // A container without cgroups; but podman and crun look for what kind there is.
    host.sh(`mount -t tmpfs tmpfs /sys/fs/cgroup
      mkdir -p /run/net.d /run/cni-bin /run/empty /run/files/proc /run/files/sys /run/files/dev
      ${realpathSync(pluginPath("bridge"))} --install /run/cni-bin
      cp -P /bin /sbin /lib* /run/files 2>/dev/null || true`);
    write("/run/containers.conf", configuration);
  }

  /** Runs a command of podman and returns what it prints. */
  do(...args: string[]): string {
    const own = ["--root=/run/p/root", "--runroot=/run/p/run", "--tmpdir=/run/p/tmp"];
    const done = this.#box.host.run(["podman", ...own, "--storage-driver=vfs", ...args], {
      env: { CONTAINERS_CONF: "/run/containers.conf", HOME: "/run/empty" },
    });
    if (done.status !== 0) throw new Error(`podman ${args.join(" ")}: ${done.stderr}`);
    return done.stdout.trim();
  }

  /** Starts a container that serves port 80. */
  start(name: string, ...options: string[]): void {
    const limits = ["--ulimit=nofile=1024:1024", "--ulimit=nproc=4096:4096", "--cgroups=disabled"];
    const files = ["-v=/usr:/usr:ro", `-v=${process.execPath}:/node:ro`];
    const command = ["--rootfs", "/run/files", "/node", "-e", server];
    this.do("run", "-d", `--name=${name}`, ...limits, ...files, ...options, ...command);
    for (let i = 0; i < 100 && !this.do("logs", name).includes("ready"); i++) {
      this.#box.host.sh("sleep 0.1");
    }
  }

  networkOf(name: string): Json {
    return JSON.parse(this.do("inspect", name))[0].NetworkSettings.Networks.web;
  }
}

/** Why it cannot be tried here. */
function obstacle(): string | undefined {
  const { stdout } = spawnSync("podman", ["--version"], { encoding: "utf8" });
  const [, major, minor] = /version (\d+)\.(\d+)/.exec(stdout ?? "") ?? [];
  if (major === undefined) return "podman is not installed";
  const mayLack = Number(major) > 4 || (major === "4" && Number(minor) > 7);
  return mayLack ? `podman ${major}.${minor} need not have CNI` : undefined;
}

const name = "podman attaches containers by our plugins, and leaves nothing";
const skip = obstacle();
if (skip === undefined) onlyOurs(name, "it has no --install", attachesAndLeavesNothing);
else if (!go) void t.test(name, { skip }, async () => {});

function attachesAndLeavesNothing(box: Sandbox): void {
  const { host, addOutside, reserved } = box;
  const outside = addOutside();
  const podman = new Podman(box);
  for (const [name, subnet] of [
    ["web", "10.90.0.0/16"],
    ["other", "10.91.0.0/16"],
  ]) {
    podman.do("network", "create", "--opt=isolate=true", `--subnet=${subnet}`, `${name}`);
  }
  const created = JSON.parse(host.sh("cat /run/net.d/web.conflist"));
  assert.deepEqual(
    created.plugins.map(({ type }: Json) => type),
    ["bridge", "portmap", "firewall", "tuning"],
  );
  podman.start("before", "--network=web", "-p=8079:80");
  podman.start("beside", "--network=other");
  podman.do("rm", "-f", "-t=0", "before", "beside");
  const before = stateBeside(host);

  podman.start("one", "--network=web", "-p=8080:80", "--ip=10.90.0.77");
  podman.start("two", "--network=web");
  podman.start("stranger", "--network=other");
  assert.equal(podman.networkOf("one").IPAddress, "10.90.0.77");
  const { IPAddress: two } = podman.networkOf("two");
  assert.deepEqual(reserved("web"), ["10.90.0.77", two].sort());

  const ping = (from: string, to: string) =>
    assert.match(podman.do("exec", from, "ping", "-c1", "-W2", to), /1 received/);
  ping("two", "10.90.0.77");
  ping("one", "10.90.0.1");
  ping("one", "192.0.2.2"); // masqueraded: there is no way back to the container
  ping("stranger", "10.91.0.1");
  assert.throws(() => ping("stranger", "10.90.0.77"), "the networks are isolated");
  assert.equal(ask(outside, "tcp", "192.0.2.1", 8080), "asked by 192.0.2.2");
  assert.equal(ask(host, "tcp", "127.0.0.1", 8080), "asked by 10.90.0.1");

  podman.do("restart", "-t=0", "one");
  assert.equal(podman.networkOf("one").IPAddress, "10.90.0.77");
  podman.do("rm", "-f", "-t=0", "one", "two", "stranger");
  assert.deepEqual(reserved("web"), []);
  assert.deepEqual(stateBeside(host), before);
  assert.equal(ask(outside, "tcp", "192.0.2.1", 8080), undefined);
}

/** All that is not in podman's own books. */
function stateBeside(host: Namespace): State {
  const state = host.state();
  const files = Object.entries(state.files).filter(([path]) => !path.startsWith("/run/p/"));
  return { ...state, files: Object.fromEntries(files) };
}
