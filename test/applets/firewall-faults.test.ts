/**
 * firewall ADD with each of its system calls failing, and killed at each: it says so in one JSON object
 * and leaves what was before, or succeeds because the call does not matter.
 */
import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import { disturb, failEach, prepareFaults } from "../harness/faults.ts";
import { onlyOurs, type Sandbox } from "../harness/sandbox.ts";
import { dropForwarded, firewall } from "./firewall-support.ts";

const prevResult = {
  cniVersion: "1.1.0",
  interfaces: [{ name: "br0" }, { name: "v1" }, { name: "eth0", sandbox: "/run/netns/c1" }],
  ips: [{ address: "10.1.2.2/24" }, { address: "2001:db8:42::2/64" }],
};
const config = { ...firewall({ ingressPolicy: "isolated" }), prevResult };
const why = "a failed ADD leaves rules";

function prepare(box: Sandbox) {
  const { host } = box;
  dropForwarded(host);
  host.sh("nft add table ip keep; nft add chain ip keep c; nft add rule ip keep c accept");
  return prepareFaults(box, config);
}

onlyOurs("firewall ADD with each system call failing", why, { timeout: 300_000 }, (box) => {
  assert.deepEqual(failEach(box, config, prepare(box)), []);
});

onlyOurs("firewall ADD killed at each system call", why, { timeout: 300_000 }, (box) => {
  const { places, picture, before } = prepare(box);
  const wrong: string[] = [];
  for (const place of places) {
    box.cni.invoke("ADD", config, { prefix: disturb(place, "signal=KILL") });
    box.cni.del(firewall());
    if (!isDeepStrictEqual(picture(), before)) wrong.push(`${place.text}: something stays`);
  }
  assert.deepEqual(wrong, []);
});
