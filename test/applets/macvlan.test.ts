/** macvlan: an interface with a MAC of its own on one of the host. */
import assert from "node:assert/strict";
import { childCases, configOf, ipam4, type Kind } from "../harness/children.ts";
import { CniFailure, differs, type Json, onlyOurs, sandbox, versions } from "../harness/sandbox.ts";

const needs: Kind["needs"] = ["CONFIG_MACVLAN"];
const kind: Kind = {
  type: "macvlan",
  needs,
  shares: true,
  goLeaves: { links: ["e1", "e2", "e3", "e4", "lo"], leases: [] },
};
const config = configOf(kind);
const layer2 = configOf(kind, { ipam: {} });

childCases(kind);

for (const cniVersion of versions.with("interfaces")) {
  sandbox(`macvlan without addresses [${cniVersion}]`, { needs }, (box) => {
    const { container, cni, addOutside } = box;
    addOutside();
    const attached = cni.attach({ ...layer2, cniVersion });
    const eth0 = container.link("eth0");
    assert(eth0.flags.includes("UP"));
    assert.deepEqual(container.addresses("eth0"), []);
    assert.deepEqual(attached.result.interfaces, [
      { name: "eth0", mac: eth0.address, sandbox: "/run/netns/c1" },
    ]);
    assert.equal(attached.result.ips, undefined);
    if (versions.with("CHECK").includes(cniVersion)) attached.check();
    attached.del();
    attached.del();
    assert.deepEqual(container.links(), ["lo"]);
  });
}

for (const cniVersion of versions.without("interfaces")) {
  sandbox(
    `macvlan without addresses cannot be told in a result [${cniVersion}]`,
    { needs },
    (box) => {
      const { container, cni, addOutside } = box;
      addOutside();
      assert.throws(
        () => cni.add({ ...layer2, cniVersion }),
        /cannot convert: no valid IP addresses/,
      );
      assert.deepEqual(
        container.links(),
        differs("the link stays", { go: ["eth0", "lo"], ours: ["lo"] }),
      );
    },
  );
}

const reaches: Record<string, boolean> = { bridge: true, private: false, vepa: false };
for (const [mode, direct] of Object.entries(reaches)) {
  sandbox(`macvlan in mode ${mode}`, { needs }, (box) => {
    const { container, cni, addOutside, addNamespace } = box;
    addOutside();
    const other = addNamespace("c2");
    const attached = cni.attach({ ...config, mode });
    cni.add({ ...config, mode }, { container: other, containerId: "c2" });
    assert.equal(container.link("eth0").linkinfo.info_data.mode, mode);
    attached.check();
    if (direct) assert(container.reaches("192.0.2.11"));
    else assert(container.silent("192.0.2.11"));
    assert(container.reaches("192.0.2.2"));
    assert.throws(
      () =>
        cni.check(
          { ...config, mode: mode === "vepa" ? "" : "vepa" },
          { prevResult: attached.result },
        ),
      /container macvlan mode \w+ does not match expected value: \w+/i,
    );
  });
}

sandbox("macvlan in mode passthru has its master's MAC", { needs }, (box) => {
  const { host, container, cni, addOutside } = box;
  addOutside();
  const attached = cni.attach({ ...config, mode: "passthru" });
  const eth0 = container.link("eth0");
  assert.equal(eth0.linkinfo.info_data.mode, "passthru");
  assert.equal(eth0.address, host.link("out0").address);
  attached.check();
  assert(container.reaches("192.0.2.2"));
});

sandbox(
  "a MAC for a macvlan in mode passthru becomes its master's too, until DEL",
  { needs },
  (box) => {
    const { host, container, cni, addOutside } = box;
    addOutside();
    const before = host.state();
    const own = host.link("out0").address;
    const mac = "02:00:00:00:00:77";
    const attached = cni.attach({ ...config, mode: "passthru", mac });
    const has = differs("it takes no notice", { go: own, ours: mac });
    assert.equal(attached.result.interfaces[0].mac, has);
    assert.equal(container.link("eth0").address, has);
    assert.equal(host.link("out0").address, has);
    attached.check();
    attached.del();
    assert.deepEqual(host.state(), before);
  },
);

sandbox("macvlan refuses a mode that is none", { needs }, ({ cni, addOutside }) => {
  addOutside();
  assert.throws(() => cni.add({ ...config, mode: "l2" }), /unknown macvlan mode: "l2"/);
});

sandbox("macvlan has the MTU of the config, or of the master", { needs }, (box) => {
  const { host, container, cni, addOutside } = box;
  addOutside();
  host.sh("ip link set out0 mtu 1400");
  for (const [mtu, expected] of [
    [1300, 1300],
    [0, 1400],
    [1400, 1400],
  ]) {
    const attached = cni.attach({ ...config, mtu });
    assert.equal(container.link("eth0").mtu, expected);
    attached.check();
    attached.del();
  }
  for (const mtu of [1401, -100]) {
    assert.throws(
      () => cni.add({ ...config, mtu }),
      new RegExp(`invalid MTU ${mtu}, must be \\[0, master MTU\\(1400\\)\\]`),
    );
  }
  const attached = cni.attach({ ...config, mtu: 1400 });
  host.sh("ip link set out0 mtu 1350");
  assert.throws(() => attached.check(), /invalid MTU 1400, must be \[0, master MTU\(1350\)\]/);
});

const macs = ["02:00:00:00:00:01", "02:00:00:00:00:02", "02:00:00:00:00:03"] as const;
const [own, argument, runtime] = macs;
const places: [string, object, string, string][] = [
  ["the config", { mac: own }, "", own],
  ["CNI_ARGS", {}, `IgnoreUnknown=true;K8S_POD_NAME=x;MAC=${argument}`, argument],
  ["CNI_ARGS before the config", { mac: own }, `MAC=${argument}`, argument],
  ["runtimeConfig", { RuntimeConfig: { mac: runtime } }, "", runtime],
  [
    "runtimeConfig before all",
    { mac: own, runtimeConfig: { mac: runtime } },
    `MAC=${argument}`,
    runtime,
  ],
  ["the config, with an empty one in CNI_ARGS", { mac: own }, "MAC=", own],
];
sandbox("macvlan takes its MAC from three places", { needs }, ({ container, cni, addOutside }) => {
  addOutside();
  for (const [where, change, args, expected] of places) {
    const attached = cni.attach({ ...layer2, ...change }, { args });
    assert.equal(container.link("eth0").address, expected, where);
    assert.equal(attached.result.interfaces[0].mac, expected, where);
    attached.check();
    attached.del();
  }
  const refused = /invalid args 02:zz for MAC addr: address 02:zz: invalid MAC address/;
  assert.throws(() => cni.add({ ...layer2, mac: "02:zz" }), refused);
  assert.throws(() => cni.add(layer2, { args: "MAC=02:zz" }), refused);
  assert.throws(() => cni.add(layer2, { args: "NONE=1" }), /ARGS: unknown args \["NONE=1"\]/);
});

onlyOurs(
  "a MAC that nobody asked for belongs to the attachment",
  "it is random",
  { needs },
  ({ container, cni, addOutside }) => {
    addOutside();
    const macOf = (change: object = {}, options: object = {}): string => {
      const attached = cni.attach({ ...layer2, ...change }, options);
      const [link] = container.json("ip -j link").filter((each: Json) => each.ifname !== "lo");
      attached.del();
      return link.address;
    };
    const first = macOf();
    assert.match(first, /^.[26ae]:/, "a local address of one station");
    assert.equal(macOf(), first);
    const others = [
      macOf({}, { containerId: "c2" }),
      macOf({}, { ifName: "eth1" }),
      macOf({ name: "net2" }),
    ];
    assert.equal(new Set([first, ...others]).size, 4);
  },
);

onlyOurs(
  "bcqueuelen is the master's queue of broadcasts",
  "1.1.1 has no bcqueuelen",
  { needs },
  (box) => {
    const { container, cni, addOutside } = box;
    addOutside();
    const queue = (change: object) => {
      const attached = cni.attach({ ...config, ...change });
      const { bc_queue_len, bcqueuelen } = container.link("eth0").linkinfo.info_data;
      attached.del();
      return bc_queue_len ?? bcqueuelen;
    };
    assert.equal(queue({ bcqueuelen: 2048 }), 2048);
    assert.equal(queue({}), 1000);
    assert.throws(
      () => cni.add({ ...config, bcqueuelen: -1 }),
      /"bcqueuelen" must be at least 0, got -1/,
    );
  },
);

const damages: Record<string, [string, RegExp]> = {
  "the link is gone": [
    "ip link del eth0",
    differs("wording", {
      go: /name in prevResult: eth0 not found/,
      ours: /Cannot find interface "eth0" of prevResult/,
    }),
  ],
  "it is of another kind": [
    "ip link del eth0; ip link add eth0 type veth peer name x",
    differs("wording", {
      go: /not of type macvlan/,
      ours: /Interface "eth0" is not of kind macvlan; found veth/,
    }),
  ],
  "it has another MAC": [
    "ip link set eth0 down address 02:00:00:00:00:09 up",
    differs("wording", {
      go: /Mac .* doesn't match container Mac: 02:00:00:00:00:09/,
      ours: /another MAC than prevResult; expected .*, found 02:00:00:00:00:09/,
    }),
  ],
  "the address is gone": ["ip addr flush dev eth0", /Failed to match addr .*192\.0\.2\.10/],
  "a route is gone": [
    "ip route del 198.51.100.0/24",
    /Expected Route .* not found in routing table/,
  ],
};
for (const [name, [damage, message]] of Object.entries(damages)) {
  sandbox(`macvlan CHECK fails: ${name}`, { needs }, ({ container, cni, addOutside }) => {
    addOutside();
    const ipam = { ...ipam4, routes: [{ dst: "198.51.100.0/24", gw: "192.0.2.2" }] };
    const attached = cni.attach({ ...config, ipam });
    attached.check();
    container.sh(damage);
    assert.throws(() => attached.check(), message);
  });
}

sandbox("macvlan CHECK fails: what it is told", { needs }, ({ host, cni, addOutside }) => {
  addOutside();
  const prevResult = cni.add(config);
  assert.throws(() => cni.check(config), /equired prevResult missing/);
  const [entry] = prevResult.interfaces;
  const moved = { ...prevResult, interfaces: [{ ...entry, sandbox: "/run/netns/x" }] };
  assert.throws(
    () => cni.check(config, { prevResult: moved }),
    /andbox in prevResult .*doesn't match configured netns: \/run\/netns\/c1/,
  );
  assert.throws(
    () => cni.check({ ...config, master: "x" }, { prevResult }),
    differs("no name", {
      go: /Link not found/,
      ours: /failed to lookup master "x": Link not found/,
    }),
  );
  host.sh("rm /var/lib/cni/networks/net1/192*");
  assert.throws(
    () => cni.check(config, { prevResult }),
    (error) =>
      error instanceof CniFailure && /Failed to find address added by container c1/.test(error.msg),
  );
});
