/**
 * dhcp: addresses from the DHCP servers of the network that the container is on. The plugin calls a
 * daemon, which gets the lease and keeps it.
 *
 *     { "cniVersion": "1.1.0", "name": "net1", "type": "macvlan", "master": "eth0",
 *       "ipam": { "type": "dhcp", "daemon": "auto" } }
 *
 * Reference: plugins/ipam/dhcp. Plugin and daemon understand those of the reference. Differs on
 * purpose: the first wait for a reply is the RFC's 4 seconds, leases outlive the daemon, DEL succeeds
 * without it, CHECK asks for no lease, GC and STATUS do their work, errors tell what was sent and what
 * came back, what a server changes is applied to the link, and there is DHCPv6.
 *
 * Limits: no probe for others that use the address; the lease's MTU, host name and NTP servers are
 * not applied; that a link is gone is noticed when its lease is renewed. DHCPv6 gets single addresses
 * (IA_NA): routes are the routers' to announce; without the link its leases are not released, but
 * expire.
 */
import { utf8 } from "../addr/bytes.ts";
import { equal, formatCidr } from "../addr/cidr.ts";
import type { Call, CheckCall, DelCall } from "../cni/applet.ts";
import { defineApplet } from "../cni/applet.ts";
import { type Config, configSchema, object } from "../cni/config.ts";
import { CniError } from "../cni/errors.ts";
import { emptyResult, type Result } from "../cni/result.ts";
import {
  absolute,
  CallFailed,
  callDaemon,
  isServed,
  leaveWord,
  NoDaemon,
  startDaemon,
  storedAttachments,
} from "../dhcp/daemon/caller.ts";
import { runDaemon } from "../dhcp/daemon/daemon.ts";
import { defaultSocketPath, startCommand } from "../dhcp/daemon/places.ts";
import type { CallResult, IncomingReply, Method } from "../dhcp/rpc.ts";

const option = {
  type: "string",
  description: "Its name (host-name, routers, ...) or its number",
} as const;

const schema = configSchema({
  ipam: object({
    daemonSocketPath: {
      type: "string",
      emptyIsAbsent: true,
      description: `The daemon's socket; default: ${defaultSocketPath}`,
    },
    daemon: {
      enum: ["manual", "auto"],
      default: "manual",
      description: "auto: start a daemon if none runs; cnibox only",
    },
    provide: {
      type: "array",
      description: "Options to send to the server",
      items: object({
        option,
        value: { type: "string", description: "What to send" },
        fromArg: { type: "string", description: "The key of CNI_ARGS whose value to send" },
      }),
    },
    request: {
      type: "array",
      description: "Options to ask the server for",
      items: object({
        option,
        skipDefault: {
          type: "boolean",
          description: "Do not ask for routers and subnet mask by default",
        },
      }),
    },
    priority: { type: "integer", description: "Metric of all routes; 0: none" },
    useDns: {
      type: "boolean",
      default: false,
      description: "Put name servers and domains of the lease into the result; cnibox only",
    },
    microsoftRoutes: {
      type: "boolean",
      default: false,
      description: "Take option 249 for routes where there is no option 121; cnibox only",
    },
    ipv4: { type: "boolean", default: true, description: "Ask DHCPv4 servers; cnibox only" },
    ipv6: { type: "boolean", default: false, description: "Ask DHCPv6 servers, too; cnibox only" },
  }),
});

type AnyCall = Call<Config<typeof schema>>;
type AttachedCall = AnyCall & Pick<DelCall<unknown>, "attachment">;

/** How long the daemon may take for what it does not have to ask a server for, in seconds. */
const promptly = 30;

export default defineApplet({
  name: "dhcp",
  summary: "Gets addresses from DHCP servers, through a daemon that keeps the leases",
  schema,
  needsNetns: false,

  add(call) {
    requireIpam(call);
    const { result } =
      call.config.ipam?.daemon === "auto" ? startAndAsk(call) : ask(call, "DHCP.Allocate");
    call.undo.push("release the lease", () => ask(call, "DHCP.Release"));
    return resultOf(result);
  },

  check(call) {
    requireIpam(call);
    const reply = askIfKnown(call, "DHCP.Check");
    if (!reply) return;
    const { ips } = resultOf(reply.result);
    for (const { address } of call.prevResult?.ips ?? []) {
      if (ips.some((ip) => equal(ip.address, address)) || isOther(call, address.ip)) continue;
      const held = ips.map((ip) => formatCidr(ip.address)).join(" ");
      throw new CniError(
        "Internal",
        `dhcp: the lease does not have ${formatCidr(address)}`,
        `it has ${held}`,
      );
    }
  },

  del(call) {
    const path = socketOf(call);
    try {
      ask(call, "DHCP.Release");
    } catch (error) {
      if (!isUnreachable(error)) throw error;
      const { containerId, ifName } = call.attachment;
      if (!leaveWord(path, { containerId, network: call.network, ifName })) {
        call.warn(`${error.message}: there is no lease to release`);
      } else if (isServed(path)) {
        // A daemon has started just now, and may have read the lease before.
        ask(call, "DHCP.Release");
      } else {
        call.warn(`${error.message}: the next daemon releases the lease`);
      }
    }
  },

  gc(call) {
    const path = socketOf(call);
    if (isServed(path)) {
      const valid = call.valid.map(({ containerId, ifName }) => ({
        containerID: containerId,
        ifname: ifName,
      }));
      const config = { name: call.network, "cni.dev/valid-attachments": valid };
      askIfKnown({ ...call, stdin: utf8(JSON.stringify(config)) }, "DHCP.Collect");
      return;
    }
    for (const attachment of storedAttachments(path, call.network)) {
      const isValid = call.valid.some(
        ({ containerId, ifName }) =>
          containerId === attachment.containerId && ifName === attachment.ifName,
      );
      if (!isValid) leaveWord(path, attachment);
    }
  },

  status(call) {
    if (!call.config.ipam)
      throw new CniError("PluginNotAvailable", "IPAM config missing 'ipam' key");
    const path = socketOf(call);
    if (call.config.ipam.daemon === "auto" || isServed(path)) return;
    throw new CniError("PluginNotAvailable", `no daemon answers at ${path}`, hint(call));
  },

  /** `dhcp daemon FLAGS` */
  command: { name: "daemon", run: runDaemon },
});

function requireIpam({ config }: AnyCall): void {
  if (!config.ipam) throw new CniError("InvalidNetworkConfig", "IPAM config missing 'ipam' key");
}

function socketOf({ config }: AnyCall): string {
  return config.ipam?.daemonSocketPath ?? defaultSocketPath;
}

function hint(call: AnyCall): string {
  const directory = call.path[0] ?? "/opt/cni/bin";
  return `start one with: ${startCommand(`${directory}/dhcp`, socketOf(call))}`;
}

function startAndAsk(call: AttachedCall): IncomingReply {
  if (!isServed(socketOf(call))) startDaemon(socketOf(call));
  return ask(call, "DHCP.Allocate");
}

/** Calls the daemon; an error is told in the words of the reference, and more in its details. */
function ask(call: AnyCall & Partial<AttachedCall>, method: Method): IncomingReply {
  const { containerId = "", netns = "", ifName = "" } = call.attachment ?? {};
  const args = {
    containerId,
    netns: method === "DHCP.Collect" ? "" : absolute(netns),
    ifName,
    args: call.cniArgs,
    path: call.path.join(":"),
    netnsOverride: "",
    stdin: call.stdin,
  };
  try {
    return callDaemon(
      socketOf(call),
      method,
      args,
      method === "DHCP.Allocate" ? Infinity : promptly,
    );
  } catch (error) {
    if (error instanceof NoDaemon) {
      throw new Unreachable("Internal", `error dialing DHCP daemon: ${error.message}`, hint(call));
    }
    if (!(error instanceof CallFailed)) throw error;
    throw new CniError("Internal", `error calling ${method}: ${error.message}`, error.detail);
  }
}

/** Calls what the reference's daemon does not have: during an upgrade it may be the one that runs. */
function askIfKnown(call: AnyCall, method: Method): IncomingReply | undefined {
  try {
    return ask(call, method);
  } catch (error) {
    if (!(error instanceof CniError) || !/rpc: can't find method/.test(error.message)) throw error;
    call.warn(`the daemon is not cnibox's: ${error.message}`);
    return undefined;
  }
}

class Unreachable extends CniError {}

function isUnreachable(error: unknown): error is Unreachable {
  return error instanceof Unreachable;
}

function resultOf(given: CallResult | undefined): Result {
  return { ...emptyResult(), ...given };
}

/** An address of a family that the lease is not for: another plugin's. */
function isOther({ config }: CheckCall<Config<typeof schema>>, ip: Uint8Array): boolean {
  const { ipv4 = true, ipv6 = false } = config.ipam ?? {};
  return ip.length === 4 ? !ipv4 : !ipv6;
}
