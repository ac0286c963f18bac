/** What an attachment costs must not depend on how many there are already. */
import assert from "node:assert/strict";
import t from "tap";
import { parseCidr } from "../../src/addr/cidr.ts";
import type { Netns } from "../../src/kernel/netns.ts";
import * as masquerade from "../../src/net/masquerade.ts";
import * as masqueradeRemoval from "../../src/net/masquerade-removal.ts";
import * as spoofCheck from "../../src/net/spoof-check.ts";
import * as spoofCheckRemoval from "../../src/net/spoof-check-removal.ts";
import { sandbox } from "../harness/sandbox.ts";
import { count } from "./cost.ts";
import { attachment, open } from "./support.ts";

const needs = ["CONFIG_NF_TABLES_IPV4" as const, "CONFIG_NF_TABLES_BRIDGE" as const];

function addMany(host: Netns, from: number, to: number) {
  for (let i = from; i < to; i++) {
    const address = parseCidr(`10.1.${i >> 8}.${i & 255}/16`);
    masquerade.setup(host, attachment(`c${i}`), [address, parseCidr(`fd00::${i.toString(16)}/64`)]);
    spoofCheck.setup(host, attachment(`c${i}`), `v${i}`, "02:00:00:00:00:01");
  }
}

const one = attachment("one");
const addresses = [parseCidr("10.2.0.1/16"), parseCidr("fd01::1/64")];
const mac = "02:00:00:00:00:02";
const deeds = {
  setup: (host: Netns) => masquerade.setup(host, one, addresses),
  teardown: (host: Netns) => masqueradeRemoval.teardown(host, one),
  setupPort: (host: Netns) => spoofCheck.setup(host, one, "veth0", mac),
  teardownPort: (host: Netns) => spoofCheckRemoval.teardown(host, one),
};

sandbox("with 2 attachments as with 5000", { needs, timeout: 300_000 }, ({ host }) => {
  const netns = open(host);
  const measure = () => {
    const rows = Object.entries(deeds).map(([name, act]) => [name, count(() => act(netns))]);
    return Object.fromEntries(rows);
  };
  addMany(netns, 1, 3);
  const few = measure();
  const fewTimes = time(netns);
  addMany(netns, 3, 5001);
  const many = measure();
  const manyTimes = time(netns);
  t.comment(JSON.stringify({ few, many }));
  t.comment(JSON.stringify({ fewTimes, manyTimes }));

  assert.deepEqual([many.setup, many.setupPort], [few.setup, few.setupPort]);
  assert.equal(few.setup.sent, 2, "a question and a transaction, for both families together");
  assert.ok(few.setup.sentBytes < 1100, `${few.setup.sentBytes} bytes for two families`);
  for (const { teardown, teardownPort } of [few, many]) {
    // Whether an attachment was the last of a family is seen from the beginning of a list.
    assert.ok(teardown.sent <= 7, `${teardown.sent} writes`);
    assert.ok(teardownPort.sent <= 7, `${teardownPort.sent} writes`);
    assert.ok(teardown.receivedBytes < 150_000, `${teardown.receivedBytes} bytes`);
  }
  assert.ok(manyTimes < fewTimes * 1.5, `${manyTimes} us with 5000, ${fewTimes} us with 2`);
  netns.close();
});

/** Of a commit, and thus of the kernel's work: the fastest of many, in microseconds. */
function time(host: Netns): number {
  let fastest = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 100; round++) {
    const start = process.hrtime.bigint();
    deeds.setup(host);
    deeds.setupPort(host);
    fastest = Math.min(fastest, Number(process.hrtime.bigint() - start) / 1000);
    deeds.teardown(host);
    deeds.teardownPort(host);
  }
  return fastest;
}
