/**
 * vrf ADD with each of its requests failing: it says so in one JSON object and leaves what was
 * before, or succeeds because the call does not matter.
 */
import assert from "node:assert/strict";
import { failEach, type Place, prepareFaults } from "../harness/faults.ts";
import { onlyOurs, type Sandbox } from "../harness/sandbox.ts";
import { at, needs, twoNeighbours, vrf } from "./vrf-support.ts";

/** The guest is slow, and what is not a request goes the same way as in tests that run here. */
function isOurs({ call }: Place): boolean {
  return /^(send|flock)/.test(call);
}

/** The routes that DEL does not give back, and the addresses that the kernel forgets. */
const refresh = `ip addr replace 2001:db8:9::2/64 dev e1 nodad
  ip route replace 10.10.0.0/16 via 10.9.0.11 dev e1
  ip -6 route replace 2001:db8:77::/64 via 2001:db8:9::11 dev e1
  # The kernel gets to the route to the address itself a moment later.
  for i in $(seq 100); do
    ip -6 route show table local | grep -q '^local 2001:db8:9::2 dev e1 ' && break; sleep 0.02
  done`;

const why = "a failed ADD leaves a VRF, and no routes";

onlyOurs("vrf ADD with each request failing", why, { needs, timeout: 300_000 }, (outer) => {
  const { container, host, cni } = outer;
  twoNeighbours(outer);
  container.sh(`echo 0 >/proc/sys/net/ipv6/conf/e1/accept_dad; ${refresh}`);
  const env = { CNI_IFNAME: "e1" };
  const about: Pick<typeof cni, "add" | "invoke" | "del"> = {
    add: (config, options) => cni.add(config, { ...options, env }),
    invoke: (command, config, options) => cni.invoke(command, config, { ...options, env }),
    del: (config, options) => {
      cni.del(config, { ...options, env });
      container.sh(refresh);
    },
  };
  const box: Sandbox = {
    ...outer,
    cni: Object.assign(Object.create(cni), about),
    stateWithout: () => host.state(),
  };
  const config = { ...vrf("red"), prevResult: at("e1").prevResult };
  const { places } = prepareFaults(box, config);
  const list = "route show table all | grep -vE 'fe80|^(ff00|anycast|multicast)' | sort";
  const picture = () =>
    container
      .sh(`ip -br link | sed 's/@.*//'; ip -br addr | grep -o 'e1.*'; ip -4 ${list}; ip -6 ${list}`)
      .replace(/ linkdown| dead|fe80\S*/g, "");
  const chosen = places.filter(isOurs);
  assert(chosen.length > 10, `${chosen.length} calls`);
  assert.deepEqual(failEach(box, config, { places: chosen, picture }), []);
});
