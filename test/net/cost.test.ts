/** What an attachment costs must not depend on how many there are already. */
import assert from "node:assert/strict";
import t from "tap";
import { parseCidr } from "../../src/addr/cidr.ts";
import type { Netns } from "../../src/kernel/netns.ts";
import * as masquerade from "../../src/net/masquerade.ts";
import * as spoofCheck from "../../src/net/spoof-check.ts";
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

sandbox("with 2 attachments as with 2000", { needs, timeout: 300_000 }, ({ host }) => {
  const netns = open(host);
  const one = attachment("one");
  const addresses = [parseCidr("10.2.0.1/16"), parseCidr("fd01::1/64")];
  const measure = () => ({
    setup: count(() => masquerade.setup(netns, one, addresses)),
    teardown: count(() => masquerade.teardown(netns, one)),
    setupPort: count(() => spoofCheck.setup(netns, one, "veth0", "02:00:00:00:00:02")),
    teardownPort: count(() => spoofCheck.teardown(netns, one)),
  });
  addMany(netns, 1, 3);
  const few = measure();
  addMany(netns, 3, 2001);
  assert.deepEqual(measure(), few);

  t.comment(JSON.stringify(few));
  assert.equal(few.setup.sent, 2, "a question and a transaction, for both families together");
  assert.ok(few.teardown.sent <= 6, `${few.teardown.sent} writes`);
  assert.ok(few.teardown.receivedBytes < 10_000, `${few.teardown.receivedBytes} bytes`);
});
