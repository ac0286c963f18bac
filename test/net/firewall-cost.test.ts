/** What the firewall costs must not depend on how many containers there are already. */
import assert from "node:assert/strict";
import t from "tap";
import { parseIp } from "../../src/addr/ip.ts";
import type { Netns } from "../../src/kernel/netns.ts";
import { setup } from "../../src/net/firewall.ts";
import type { Asked } from "../../src/net/firewall-plan.ts";
import { teardown } from "../../src/net/firewall-removal.ts";
import { dropForwarded } from "../applets/firewall-support.ts";
import { sandbox } from "../harness/sandbox.ts";
import { count } from "./cost.ts";
import { attachment, open } from "./support.ts";

const needs = ["CONFIG_NF_TABLES_IPV4" as const, "CONFIG_NF_TABLES_BRIDGE" as const];
const config = {
  backend: "nftables",
  iptablesAdminChainName: "CNI-ADMIN",
  firewalldZone: "trusted",
};

function ask(i: number): Asked {
  const ips = [`10.1.${i >> 8}.${i & 255}`, `fd00::${i.toString(16)}`].flatMap(
    (ip) => parseIp(ip) ?? [],
  );
  return { config, ips, isolation: { bridge: "br0", isolated: true, ports: [`v${i}`] } };
}

const quiet = () => {};

function addMany(host: Netns, from: number, to: number) {
  for (let i = from; i < to; i++) setup(host, attachment(`c${i}`), ask(i), quiet);
}

for (const docker of [false, true]) {
  const where = docker ? "on a host with docker" : "on any other host";
  sandbox(`with 2 containers as with 500, ${where}`, { needs, timeout: 120_000 }, ({ host }) => {
    if (docker) dropForwarded(host);
    const netns = open(host);
    const one = attachment("one");
    const asked = ask(60_000);
    const measure = () => ({
      setup: count(() => setup(netns, one, asked, quiet)),
      teardown: count(() => teardown(netns, one, config, [])),
    });
    addMany(netns, 1, 2);
    const few = measure();
    addMany(netns, 2, 500);
    const many = measure();
    t.comment(JSON.stringify({ few, many }));
    assert.deepEqual(many.setup, few.setup);
    // A question and a transaction for the policy, and for what is accepted; of a chain FORWARD, its rules.
    assert.equal(few.setup.sent, docker ? 6 : 4);
    // To see that others are left, DEL reads what fits into one answer.
    assert.ok(
      docker || many.teardown.receivedBytes < 40_000,
      `${many.teardown.receivedBytes} bytes`,
    );
    many.teardown.receivedBytes = few.teardown.receivedBytes;
    // The rules of iptables have no names: DEL must look for its own.
    if (!docker) assert.deepEqual(many.teardown, few.teardown);
    else assert.equal(many.teardown.sent, few.teardown.sent);
    netns.close();
  });
}
