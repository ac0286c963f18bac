/** cnitool in a sandbox: networks to attach to, and plugins in its own process or in one each. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { applets } from "../../src/applets/mod.ts";
import type { Sandbox } from "../harness/sandbox.ts";
import { executable } from "../main/program.ts";

export const bridge = {
  type: "bridge",
  bridge: "br0",
  isGateway: true,
  ipam: { type: "host-local", subnet: "10.1.2.0/24" },
};
export const portmap = { type: "portmap", capabilities: { portMappings: true } };
export const netns = "/run/netns/c1";
/** SHA-512 of the path, in hex, the first 20 digits: `printf %s /run/netns/c1 | sha512sum`. */
export const id = "cnitool-20b4ff582526573bbe7d";

export const ways = {
  "in one process": (box: Sandbox) => box.host.sh(links),
  "in a process each": (box: Sandbox) => box.host.sh(scripts),
};
const links = `mkdir /run/bin; for name in ${applets.join(" ")}; do ln -s ${executable} /run/bin/$name; done`;
/** A plugin that is a script is not this executable, even though it becomes it. */
const scripts = `mkdir /run/bin; for name in ${applets.join(" ")}; do
  printf '#!/bin/sh\\nexec ${executable} %s\\n' $name > /run/bin/$name; chmod +x /run/bin/$name; done`;

/** cnitool in a sandbox, with a record of all that it has printed. */
export function tool(box: Sandbox) {
  const said: object[] = [];
  const configs: Record<string, object> = {};
  box.host.sh("mkdir -p /run/net.d");
  const call = (args: string, env: Record<string, string> = {}) => {
    const done = box.host.run([executable, "cnitool", ...args.split(" ")], {
      env: { CNI_PATH: "/run/bin", NETCONFPATH: "/run/net.d", ...env },
    });
    said.push(plain({ args, ...done }));
    return done;
  };
  return {
    said,
    call,
    /** Writes a list. */
    network(name: string, plugins: object[], more: object = {}) {
      configs[name] = { cniVersion: "1.1.0", name, plugins, ...more };
      writeFileSync(box.host.file(`/run/net.d/${name}.conflist`), JSON.stringify(configs[name]));
    },
    ok(args: string, env: Record<string, string> = {}) {
      const done = call(args, env);
      assert.equal(done.status, 0, `${args}: ${done.stdout}${done.stderr}`);
      return done.stdout;
    },
    fails(args: string, env: Record<string, string> = {}) {
      const done = call(args, env);
      assert.equal(done.status, 1, `${args}: ${done.stdout}`);
      return done.stderr || done.stdout;
    },
    cached: () =>
      box.host.sh("ls /var/lib/cni/results 2>/dev/null || true").split("\n").filter(Boolean),
  };
}

export type Tool = ReturnType<typeof tool>;

/** Without what is random: MAC addresses, and with them names. */
function plain(value: object): object {
  const text = JSON.stringify(value).replace(/([0-9a-f]{2}:){5}[0-9a-f]{2}/g, "MAC");
  return JSON.parse(text);
}
