/**
 * Black-box cases: each gets fresh namespaces in which it may do what it likes.
 *
 *     sandbox("bridge ADD and DEL", ({ host, container, cni }) => {
 *       const attached = cni.attach({ type: "bridge", ipam: { type: "host-local", subnet: "10.1.2.0/24" } });
 *       assert.deepEqual(container.addresses("eth0"), ["10.1.2.2/24"]);
 *       attached.del();
 *     });
 *
 * Plugins run in `host`, for `container`. /run and /var/lib (so leases too) belong to the case.
 */
import t from "tap";
import { go } from "./hosts.ts";
import { type Need, whereToRun } from "./kernel.ts";
import { Namespace } from "./namespace.ts";
import { type Config, Plugins } from "./plugins.ts";
import { killSandbox, startSleeper } from "./processes.ts";
import type { State } from "./state.ts";

export { differs, go, versions } from "./hosts.ts";
export type { Json, Namespace } from "./namespace.ts";
export { CniFailure, type Config } from "./plugins.ts";

export interface Sandbox {
  /** The side where plugins run. */
  host: Namespace;
  container: Namespace;
  cni: Plugins;
  /** A further namespace, of a second container or for any other use. */
  addNamespace(name: string): Namespace;
  /** Deletes a namespace, and waits until the veths that lead into it are gone, too. */
  removeNamespace(name: string): void;
  /**
   * A machine beyond the host: link `out0` (192.0.2.1, 2001:db8:ffff::1) leads to it, `eth0`
   * (.2, ::2) there. It has no route back to any container.
   */
  addOutside(): Namespace;
  /**
   * The state once the parts that outlive attachments by design exist: the bridge, its addresses,
   * forwarding, and the tables of rules. Attaches another container and takes it away again.
   */
  stateWithout(config: Config): State;
  /** The leases of host-local in the network, sorted. */
  reserved(network?: string): string[];
}

export interface SandboxOptions {
  /** What the kernel must have; lacking it, the case runs in the guest. */
  needs?: Need[];
  /** Milliseconds; default 60,000. */
  timeout?: number;
}

/** The guest shares its one core with all that the machine does. */
const patience = process.env.CNIBOX_ONLY ? 5 : 1;

type Body = (sandbox: Sandbox) => void | Promise<void>;

/** Registers a case. */
export function sandbox(name: string, body: Body): void;
export function sandbox(name: string, options: SandboxOptions, body: Body): void;
export function sandbox(name: string, ...rest: [Body] | [SandboxOptions, Body]): void {
  const [options, body] = rest.length === 1 ? [{}, rest[0]] : rest;
  const place = whereToRun(name, options.needs ?? []);
  if (place === "elsewhere") return;
  const extra = {
    timeout: (options.timeout ?? 60_000) * patience,
    ...(place === "here" ? {} : place),
  };
  void t.test(name, extra, async (test) => {
    const sleeper = startSleeper();
    test.teardown(() => killSandbox(sleeper)); // also when the case is timed out
    await body(furnish(sleeper));
    test.pass("as expected");
  });
}

/** A case about what the Go plugins do not do, with the reason. */
export function onlyOurs(name: string, why: string, body: Body): void;
export function onlyOurs(name: string, why: string, options: SandboxOptions, body: Body): void;
export function onlyOurs(
  name: string,
  why: string,
  ...rest: [Body] | [SandboxOptions, Body]
): void {
  // In the guest only what was left to it is told of.
  if (go && process.env.CNIBOX_ONLY) return;
  if (go) void t.test(name, { skip: `Go differs: ${why}` }, async () => {});
  else if (rest.length === 1) sandbox(name, rest[0]);
  else sandbox(name, ...rest);
}

function furnish(sleeper: number): Sandbox {
  const host = new Namespace(sleeper);
  const container = new Namespace(sleeper, "c1");
  const cni = new Plugins(host, container);
  const addNamespace = (name: string) => {
    host.sh(`ip netns add ${name}`);
    return new Namespace(sleeper, name);
  };
  const removeNamespace = (name: string) => {
    const cables = host.cablesInto(name);
    host.sh(`ip netns del ${name}`);
    // The kernel takes a namespace apart later, and when it does is its own affair.
    for (let i = 0; host.links().some((link) => cables.includes(link)); i++) {
      if (i === 500) throw new Error(`${cables} outlive namespace ${name}`);
      host.sh("sleep 0.02");
    }
  };
  return {
    host,
    container,
    cni,
    addNamespace,
    removeNamespace,

    addOutside() {
      const outside = addNamespace("outside");
      host.sh(`ip link add out0 type veth peer name eth0 netns outside
        ip addr add 192.0.2.1/24 dev out0
        ip addr add 2001:db8:ffff::1/64 dev out0 nodad
        ip link set out0 up`);
      outside.sh(`ip addr add 192.0.2.2/24 dev eth0
        ip addr add 2001:db8:ffff::2/64 dev eth0 nodad
        ip link set eth0 up`);
      return outside;
    },

    stateWithout(config) {
      const before = addNamespace("before");
      cni.attach(config, { container: before, containerId: "before" }).del();
      removeNamespace("before");
      return host.state();
    },

    reserved(network = "net1") {
      const dir = `/var/lib/cni/networks/${network}`;
      const files = host.sh(`ls ${dir} 2>/dev/null || true`).split("\n");
      return files.filter((file) => /^[0-9a-f]+[.:]/.test(file)).sort();
    },
  };
}
