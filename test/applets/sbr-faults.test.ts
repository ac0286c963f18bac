/**
 * sbr ADD with each of its system calls failing, and many at once: rules and routes are there whole
 * or not at all.
 */
import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import { disturb, failEach, prepareFaults } from "../harness/faults.ts";
import { onlyOurs, type Sandbox } from "../harness/sandbox.ts";
import { prevResult, rules, sbr, table, twoWays } from "./sbr-support.ts";

/** The address and the routes of `net1`, as what made it left them; DEL takes the routes. */
const refresh = `echo 0 >/proc/sys/net/ipv6/conf/net1/accept_dad
  ip link set net1 down; ip link set net1 up
  ip addr replace 10.2.0.2/24 dev net1; ip addr replace 2001:db8:2::2/64 dev net1 nodad
  ip route replace 198.51.100.0/24 via 10.2.0.9 dev net1
  ip -6 route replace 2001:db8:99::/48 via 2001:db8:2::9 dev net1
  # The kernel gets to the route to the address itself a moment later.
  for i in $(seq 100); do
    ip -6 route show table local | grep -q '^local 2001:db8:2::2 ' && break; sleep 0.02
  done`;

const why = "a failed ADD leaves rules and half of the routes";
const config = { ...sbr({ addSourceHints: true }), prevResult: prevResult() };

/** The box, in which `cni` is about `net1`, and DEL leaves the link as it was before. */
function aboutNet1(box: Sandbox): Sandbox {
  const { cni, container } = box;
  const env = { CNI_IFNAME: "net1" };
  const about: Pick<typeof cni, "add" | "invoke" | "del"> = {
    add: (config, options) => cni.add(config, { ...options, env }),
    invoke: (command, config, options) => cni.invoke(command, config, { ...options, env }),
    del: (config, options) => {
      cni.del(config, { ...options, env });
      container.sh(refresh);
    },
  };
  return {
    ...box,
    cni: Object.assign(Object.create(cni), about),
    stateWithout: () => box.host.state(),
  };
}

onlyOurs("sbr ADD with each system call failing", why, { timeout: 300_000 }, (outer) => {
  twoWays(outer);
  outer.container.sh(refresh);
  const box = aboutNet1(outer);
  const { places } = prepareFaults(box, config);
  const { container } = box;
  const list = "route show table all | grep -vE 'fe80|^(ff00|anycast|multicast)' | sort";
  const picture = () => [
    rules(container),
    container.sh(`ip -4 ${list}; ip -6 ${list}`).replace(/ linkdown| dead/g, ""),
  ];
  assert.deepEqual(failEach(box, config, { places, picture }), []);
});

onlyOurs("sbr ADD killed at each system call", why, { timeout: 300_000 }, (outer) => {
  twoWays(outer);
  outer.container.sh(refresh);
  const box = aboutNet1(outer);
  const config = { ...sbr(), prevResult: prevResult() };
  const { places } = prepareFaults(box, config);
  const wrong: string[] = [];
  for (const place of places) {
    box.cni.invoke("ADD", config, { prefix: disturb(place, "signal=KILL") });
    box.cni.del(sbr());
    const left = [rules(box.container), table(box.container, 100), table(box.container, 101, "-6")];
    if (!isDeepStrictEqual(left, [[], [], []]))
      wrong.push(`${place.text}: ${JSON.stringify(left)}`);
  }
  assert.deepEqual(wrong, []);
});

const count = 30;

onlyOurs(
  `${count} interfaces of one container at once`,
  "it reads before it locks",
  async (box) => {
    const { host, container, cni } = box;
    const all = Array.from({ length: count }, (_, i) => i);
    const config = (i: number) => [
      `ip link add v${i} up type veth peer name e${i} netns c1`,
      `ip -n c1 link set e${i} up; ip -n c1 addr add 10.${i}.0.2/24 dev e${i}`,
    ];
    host.sh(all.flatMap(config).join("\n"));
    const at = (i: number) => ({
      ifName: `e${i}`,
      prevResult: {
        cniVersion: "1.0.0",
        interfaces: [{ name: `e${i}`, sandbox: "/run/netns/c1" }],
        ips: [{ interface: 0, address: `10.${i}.0.2/24`, gateway: `10.${i}.0.1` }],
      },
    });
    await Promise.all(all.map((i) => cni.addAsync(sbr(), at(i))));
    const tables = rules(container).map((rule) => Number(rule.split(" ")[1]));
    assert.deepEqual(
      tables.sort((a, b) => a - b),
      all.map((i) => 100 + i),
    );
    for (const i of all) {
      const [from, id] =
        rules(container)
          .find((rule) => rule.startsWith(`10.${i}.`))
          ?.split(" ") ?? [];
      assert.equal(from, `10.${i}.0.2`);
      assert.match(
        table(container, Number(id)).join("\n"),
        new RegExp(`default via 10.${i}.0.1 dev e${i}`),
      );
    }
    await Promise.all(
      all.map((i) => (i % 2 ? cni.delAsync(sbr(), at(i)) : cni.addAsync(sbr(), at(i)))),
    );
    assert.equal(rules(container).length, count / 2);
    await Promise.all(all.map((i) => cni.delAsync(sbr(), at(i))));
    assert.deepEqual(rules(container), []);
  },
);
