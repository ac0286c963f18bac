import type { BridgeVlan } from "../../src/kernel/bridge-vlans.ts";
import { BridgeVlans } from "../../src/kernel/bridge-vlans.ts";
import { dataOf } from "../../src/kernel/links.ts";
import { connect, failure, inNamespaces } from "./namespaces.ts";

inNamespaces("what is neither bridge nor port has no VLANs", (box) => {
  const { t, host } = box;
  t.strictSame(host.netns.use(BridgeVlans).list(connect(box).outer.index), []);
  t.end();
});

inNamespaces(
  "VLANs of a port and of its bridge",
  (box) => {
    const { t, host } = box;
    const { links } = host.netns;
    const bridgeVlans = host.netns.use(BridgeVlans);
    const info = { kind: "bridge", data: { vlanFiltering: true } } as const;
    const bridge = links.add({ name: "br0", info });
    t.equal(dataOf(links.get("br0").info, "bridge")?.vlanFiltering, true);
    const { index } = connect(box, { master: bridge.index }).outer;
    const port = () =>
      // biome-ignore lint/suspicious/noExplicitAny: iproute2's shape
      host.json("bridge -j vlan show").find(({ ifname }: any) => ifname === "h0")?.vlans ?? [];

    t.strictSame(bridgeVlans.list(index), [{ vid: 1, pvid: true, untagged: true }]);
    bridgeVlans.removeAll(index);
    t.strictSame(bridgeVlans.list(index), []);
    bridgeVlans.removeAll(index); // nothing is there, and that is fine
    const wanted: BridgeVlan[] = [
      { vid: 10, untagged: true },
      { vid: 11, pvid: true, untagged: true },
      { vid: 12 },
      { vid: 13 },
      { vid: 14 },
      { vid: 20 },
      { vid: 21, untagged: true },
      { vid: 22, untagged: true },
      { vid: 4094 },
    ];
    bridgeVlans.addAll(index, wanted);
    t.strictSame(bridgeVlans.list(index), wanted);
    t.strictSame(
      port(),
      wanted.map(({ vid, pvid, untagged }) => {
        const flags = [...(pvid ? ["PVID"] : []), ...(untagged ? ["Egress Untagged"] : [])];
        return flags.length > 0 ? { vlan: vid, flags } : { vlan: vid };
      }),
    );
    bridgeVlans.remove(index, 20);
    bridgeVlans.remove(index, 20);
    bridgeVlans.removeRange(index, 12, 22);
    t.strictSame(
      bridgeVlans.list(index).map(({ vid }) => vid),
      [10, 11, 4094],
    );
    bridgeVlans.add(index, { vid: 30 });
    bridgeVlans.addRange(index, 40, 42);
    t.strictSame(
      bridgeVlans.list(index).map(({ vid }) => vid),
      [10, 11, 30, 40, 41, 42, 4094],
    );
    bridgeVlans.addAll(index, []);
    t.match(
      failure(() => bridgeVlans.list(99)),
      { code: "ENODEV" },
    );

    bridgeVlans.add(bridge.index, { vid: 100 }, true);
    t.strictSame(bridgeVlans.list(bridge.index), [
      { vid: 1, pvid: true, untagged: true },
      { vid: 100 },
    ]);
    bridgeVlans.removeAll(bridge.index, true);
    t.strictSame(bridgeVlans.list(bridge.index), []);

    // All that there are, some with other flags: one long message.
    bridgeVlans.removeAll(index);
    const all = Array.from({ length: 4094 }, (_, i) => ({
      vid: i + 1,
      ...(i % 2 === 1 && { untagged: true }),
    }));
    bridgeVlans.addAll(index, all);
    t.strictSame(bridgeVlans.list(index), all);

    t.match(
      failure(() => bridgeVlans.add(index, { vid: 4095 })),
      {
        name: "KernelError",
        message: /^Cannot add VLAN 4095 to link "h0": /,
      },
    );
    t.end();
  },
  ["CONFIG_BRIDGE_VLAN_FILTERING"],
);
