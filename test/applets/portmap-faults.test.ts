/**
 * portmap ADD with each of its system calls failing, and killed at each: it says so in one JSON object
 * and leaves what was before, or succeeds because the call does not matter.
 */
import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import { disturb, mayStay, prepareFaults, saysWhy } from "../harness/faults.ts";
import { onlyOurs, type Sandbox } from "../harness/sandbox.ts";
import { mapping, portmap } from "./portmap-support.ts";

const config = {
  ...portmap([mapping(8080, 80), mapping(8053, 53, "udp")]),
  cniVersion: "1.0.0",
  prevResult: {
    cniVersion: "1.0.0",
    interfaces: [{ name: "eth0", sandbox: "/run/netns/c1" }],
    ips: [
      { interface: 0, address: "10.1.2.2/24" },
      { interface: 0, address: "2001:db8:42::2/64" },
    ],
  },
};

/** A link to the container, and connections that a mapping makes stale. */
function prepare({ host }: Sandbox) {
  host.sh(`ip link add v0 type veth peer name eth0 netns c1
    ip addr add 10.1.2.1/24 dev v0
    ip link set v0 up
    nft add table ip keep
    nft add chain ip keep out '{ type filter hook output priority 0; }'
    nft add rule ip keep out ct state new accept`);
}

/** A UDP connection to the port, as a client has it who finds nobody there. */
function disappoint({ host }: Sandbox) {
  host.sh("bash -c 'echo hello >/dev/udp/127.0.0.1/8053' || true");
}

const why = "a failed ADD leaves rules";

onlyOurs("portmap ADD with each system call failing", why, { timeout: 300_000 }, (box) => {
  prepare(box);
  const { places, picture, before: start } = prepareFaults(box, config);
  let before = start;
  const { cni } = box;
  const wrong: string[] = [];
  for (const place of places) {
    disappoint(box);
    const done = cni.invoke("ADD", config, { prefix: disturb(place, "error=EIO") });
    const complain = (what: string) =>
      wrong.push(`${place.text}: ${what}; exit ${done.status ?? done.signal}, ${done.stdout}`);
    if (done.status === 0) {
      if (!JSON.parse(done.stdout).ips) complain("success without a result");
    } else if (!saysWhy(place, done)) complain("no error object");
    else if (!mayStay(place) && !isDeepStrictEqual(picture(), before)) complain("something stays");
    cni.del(config);
    const after = picture();
    if (!isDeepStrictEqual(after, before)) complain("something stays after DEL");
    before = after; // so that what stays is told once
  }
  assert.deepEqual(wrong, []);
});

onlyOurs("portmap ADD killed at each system call", why, { timeout: 300_000 }, (box) => {
  prepare(box);
  const { places, picture, before } = prepareFaults(box, config);
  const wrong: string[] = [];
  for (const place of places) {
    disappoint(box);
    box.cni.invoke("ADD", config, { prefix: disturb(place, "signal=KILL") });
    box.cni.del({ type: "portmap" });
    if (!isDeepStrictEqual(picture(), before)) wrong.push(`${place.text}: something stays`);
  }
  assert.deepEqual(wrong, []);
});
