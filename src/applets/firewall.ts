/**
 * firewall: lets a host that drops forwarded packets accept those of a container, and keeps containers
 * from each other. It stands in a chain, after what made the container's interface.
 *
 *     { "type": "firewall", "ingressPolicy": "same-bridge" }
 *
 * Reference: plugins/meta/firewall. Differs on purpose: nf_tables is the default, spoken natively, and
 * so is D-Bus; DEL needs no result and GC works, as what was made says whose it is; a failed ADD
 * leaves nothing; a backend or a policy that there is not is refused; CHECK looks at the policy too,
 * and makes nothing; isolation does not depend on br_netfilter.
 */
import type { Ip } from "../addr/ip.ts";
import { type AddCall, type CheckCall, defineApplet } from "../cni/applet.ts";
import { type Config, configSchema } from "../cni/config.ts";
import { CniError } from "../cni/errors.ts";
import type { Result } from "../cni/result.ts";
import { setup } from "../net/firewall.ts";
import { check, findObstacle } from "../net/firewall-check.ts";
import { type Asked, checkBackend } from "../net/firewall-plan.ts";
import { collectStale, teardown } from "../net/firewall-removal.ts";
import { attachmentOf } from "../net/ownership.ts";
import * as verify from "../net/verify.ts";

const schema = configSchema({
  backend: {
    type: "string",
    emptyIsAbsent: true,
    description:
      "nftables (native, no program needed), iptables or firewalld; default: firewalld where it runs, else nftables",
  },
  iptablesAdminChainName: {
    type: "string",
    emptyIsAbsent: true,
    default: "CNI-ADMIN",
    description: "The chain for rules of your own, which come before those that accept",
  },
  firewalldZone: {
    type: "string",
    emptyIsAbsent: true,
    default: "trusted",
    description: "With firewalld: the zone that gets the container's addresses as sources",
  },
  ingressPolicy: {
    type: "string",
    emptyIsAbsent: true,
    default: "open",
    description:
      "Who on this host may reach the container: open (all), same-bridge (not those on other bridges with a policy) or isolated (nor those on its own)",
  },
});
type Conf = Config<typeof schema>;

export default defineApplet({
  name: "firewall",
  summary: "Accepts what containers send and get, and keeps them from each other",
  schema,

  vet(config) {
    checkBackend(config);
    const { ingressPolicy } = config;
    if (!/^(open|same-bridge|isolated)$/.test(ingressPolicy)) {
      throw new CniError(
        "InvalidNetworkConfig",
        `unknown ingress policy: "${ingressPolicy}" is none of open, same-bridge, isolated`,
      );
    }
  },

  add(call) {
    const { host, config, undo, warn, prevResult } = call;
    if (!prevResult) {
      throw new CniError("InvalidNetworkConfig", "missing prevResult from earlier plugin");
    }
    const asked = readCall(call, prevResult);
    if (asked.ips.length === 0 && !asked.isolation) return prevResult;
    const attachment = attachmentOf(call);
    const natively = config.backend === "nftables";
    undo.push("remove what the firewall has of the container", () =>
      teardown(host, attachment, config, natively ? [] : asked.ips),
    );
    setup(host, attachment, asked, warn);
    return prevResult;
  },

  check(call) {
    const asked = readCall(call, verify.requirePrevResult(call));
    if (asked.ips.length === 0 && !asked.isolation) return;
    check(call.host, attachmentOf(call), asked);
  },

  del(call) {
    const { host, config, prevResult } = call;
    teardown(host, attachmentOf(call), config, prevResult ? ipsOf(prevResult) : []);
  },

  gc({ host, config, network, valid }) {
    collectStale(host, config, network, valid);
  },

  status({ host, config, warn }) {
    const obstacle = findObstacle(host, config, warn);
    if (obstacle) {
      throw new CniError("PluginNotAvailable", `Cannot accept containers: ${obstacle}`);
    }
  },
});

function ipsOf({ ips }: Result): Ip[] {
  return ips.map(({ address }) => address.ip);
}

function readCall(call: AddCall<Conf> | CheckCall<Conf>, result: Result): Asked {
  const { config } = call;
  const { ingressPolicy } = config;
  const asked = { config, ips: ipsOf(result) };
  if (ingressPolicy === "open") return asked;

  const [bridge, ...ports] = result.interfaces.filter(({ sandbox }) => !sandbox);
  if (!bridge) {
    throw new CniError(
      "InvalidNetworkConfig",
      `"ingressPolicy": "${ingressPolicy}" needs an interface of the host in prevResult`,
    );
  }
  const isolated = ingressPolicy === "isolated";
  const names = ports.map(({ name }) => name);
  const found = isolated && names.length === 0 ? findPort(call) : names;
  return { ...asked, isolation: { bridge: bridge.name, isolated, ports: found } };
}

/** The host's end of the container's interface, if the result does not name it. */
function findPort({ host, container, attachment }: AddCall<Conf> | CheckCall<Conf>): string[] {
  const peer = container.links.find(attachment.ifName)?.parent;
  const port = peer === undefined ? undefined : host.links.find(peer);
  return port ? [port.name] : [];
}
