/** Many processes at once on one host: nothing is lost, nothing twice, nothing left. */
import assert from "node:assert/strict";
import { parseCidr } from "../../src/addr/cidr.ts";
import { Netns } from "../../src/kernel/netns.ts";
import * as masquerade from "../../src/net/masquerade.ts";
import * as masqueradeRemoval from "../../src/net/masquerade-removal.ts";
import * as spoofCheck from "../../src/net/spoof-check.ts";
import * as spoofCheckRemoval from "../../src/net/spoof-check-removal.ts";
import { type Namespace, sandbox } from "../harness/sandbox.ts";
import { attachment, ruleset, workerArgs, workerArgv } from "./support.ts";

const needs = ["CONFIG_NF_TABLES_IPV4" as const, "CONFIG_NF_TABLES_BRIDGE" as const];
const processes = 20;
const attachments = 10; // of each process

const asked = workerArgs();
if (asked) act(asked as [string, string]);
else test();

/** One process, with its share of the attachments. */
function act([verb, worker]: [string, string]) {
  for (let i = 0; i < attachments; i++) {
    const host = Netns.own(); // a socket of its own, as each plugin process has
    const each = attachment(`${worker}-${i}`);
    const addresses = [
      parseCidr(`10.1.${worker}.${i + 1}/16`),
      parseCidr(`fd00::${worker}:${i}/64`),
    ];
    if (verb !== "del") {
      masquerade.setup(host, each, addresses);
      spoofCheck.setup(host, each, `v${worker}-${i}`, "02:00:00:00:00:01");
    }
    if (verb !== "add") {
      spoofCheckRemoval.teardown(host, each);
      masqueradeRemoval.teardown(host, each);
    }
    host.close();
  }
}

async function all(host: Namespace, verbOf: (worker: number) => string) {
  const runs = Array.from({ length: processes }, (_, worker) =>
    host.runAsync(workerArgv(verbOf(worker), String(worker)), { timeout: 300_000 }),
  );
  for (const { status, stderr } of await Promise.all(runs)) assert.equal(status, 0, stderr);
}

/** How many attachments' elements there are, and how many rules to look them up. */
function census(host: Namespace) {
  const text = ruleset(host);
  return {
    entries: text.match(/(:[0-9a-f]+)+ : \S+ \. \S+/g)?.length,
    elements: text.match(/comment "[0-9a-f]{16}-/g)?.length,
    rules: text.match(/@(subnet|ports)\S* (return|masquerade|drop)/g)?.length,
  };
}

function test() {
  const timeout = 600_000;
  sandbox("200 ADDs at once, then 200 DELs", { needs, timeout }, async ({ host }) => {
    await all(host, () => "add");
    // Each has an entry in three tables, and in one of them two elements.
    const seen = { entries: 600, elements: 800, rules: 6 };
    assert.deepEqual(census(host), seen, "what is shared is there once");
    await all(host, () => "del");
    assert.equal(ruleset(host), "");
  });

  sandbox("tables come and go while others use them", { needs, timeout }, async ({ host }) => {
    // Each makes and removes one attachment after another: often it is the only one on the host.
    await all(host, (worker) => (worker % 4 === 0 ? "add" : "both"));
    const left = (processes / 4) * attachments;
    const seen = { entries: left * 3, elements: left * 4, rules: 6 };
    assert.deepEqual(census(host), seen);
    await all(host, (worker) => (worker % 4 === 0 ? "del" : "both"));
    assert.equal(ruleset(host), "");
  });
}
