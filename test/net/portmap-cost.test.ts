/** What port mappings cost must not depend on how many there are already. */
import assert from "node:assert/strict";
import t from "tap";
import { parseCidr } from "../../src/addr/cidr.ts";
import type { Netns } from "../../src/kernel/netns.ts";
import { install } from "../../src/net/attachment-set.ts";
import * as portmap from "../../src/net/portmap.ts";
import { check } from "../../src/net/portmap-check.ts";
import { entriesOf } from "../../src/net/portmap-nft.ts";
import { byFamily, planNatively, readMappings } from "../../src/net/portmap-plan.ts";
import { teardown } from "../../src/net/portmap-removal.ts";
import { sandbox } from "../harness/sandbox.ts";
import { count } from "./cost.ts";
import { attachment, open } from "./support.ts";

const needs = ["CONFIG_NF_TABLES_IPV4" as const];

function ask(ports: number[], addresses: string[]): portmap.PortMappings {
  const portMappings = ports.flatMap((port) => [
    { hostPort: port, containerPort: 80, protocol: "tcp" },
    { hostPort: port, containerPort: 53, protocol: "udp" },
  ]);
  const config = { snat: true, masqAll: false, runtimeConfig: { portMappings } };
  return { config, addresses: addresses.map(parseCidr), mappings: readMappings(config) };
}

/** Attachments with 2 mappings each in both families. */
function addMany(host: Netns, from: number, to: number) {
  for (let i = from; i < to; i++) {
    const asked = ask([10_000 + i], [`10.1.${i >> 8}.${i & 255}/16`, `fd00::${i.toString(16)}/64`]);
    const plan = planNatively(asked.config, byFamily(asked.addresses, asked.mappings));
    install(host, attachment(`c${i}`), entriesOf(plan));
  }
}

sandbox("with 2 mappings as with 5000", { needs, timeout: 300_000 }, ({ host }) => {
  const netns = open(host);
  const one = attachment("one");
  const warn = (message: string) => assert.fail(message);
  const asked = ask([8080], ["10.2.0.1/16", "fd01::1/64"]);
  const measure = () => ({
    setup: count(() => portmap.setup(netns, one, asked, warn)),
    again: count(() => portmap.setup(netns, one, asked, warn)),
    check: count(() => check(netns, one, asked)),
    teardown: count(() => teardown(netns, one, [], warn)),
  });
  addMany(netns, 1, 2);
  const few = measure();
  addMany(netns, 2, 2501);
  const many = measure();
  // To see that others are left, DEL reads what fits into one answer.
  assert.ok(many.teardown.receivedBytes < 40_000, `${many.teardown.receivedBytes} bytes`);
  many.teardown.receivedBytes = few.teardown.receivedBytes;
  assert.deepEqual(many, few);

  t.comment(JSON.stringify(few));
  // A question and a transaction for both families, and a route. No connection is tracked here.
  assert.equal(few.setup.sent, 3);
  assert.ok(few.teardown.sent <= 7, `${few.teardown.sent} writes`);
  netns.close();
});

sandbox("a container with 1000 mappings", { needs }, ({ host }) => {
  const netns = open(host);
  const one = attachment("one");
  const warn = (message: string) => assert.fail(message);
  const asked = ask(
    Array.from({ length: 500 }, (_, i) => 10_000 + i),
    ["10.2.0.1/16"],
  );
  portmap.setup(netns, one, asked, warn);
  assert.equal(host.sh("nft list ruleset").match(/ : 10\.2\.0\.1 \. (80|53)/g)?.length, 1000);
  check(netns, one, asked);
  teardown(netns, one, [], warn);
  assert.doesNotMatch(host.sh("nft list ruleset"), /portmap/);
  netns.close();
});
