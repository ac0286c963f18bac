/** firewall where firewalld runs. */
import assert from "node:assert/strict";
import t from "tap";
import { noFirewalld, sourcesOf, startBus, startFirewalld } from "../harness/firewalld.ts";
import { onlyOurs, type Sandbox, sandbox } from "../harness/sandbox.ts";
import {
  addOutside,
  attach,
  cniVersion,
  dropForwarded,
  firewall,
  lists,
  network,
  outsideAddress,
} from "./firewall-support.ts";

const sources = ["10.1.2.2/32", "2001:db8:42::2/128"];

type Judge = (name: string, body: (box: Sandbox) => void | Promise<void>) => void;

function withFirewalld(name: string, body: (box: Sandbox) => void, judge: Judge = sandbox) {
  if (noFirewalld) void t.test(name, { skip: noFirewalld }, async () => {});
  else {
    judge(name, (box) => {
      startFirewalld(box.host);
      body(box);
    });
  }
}

const notInGo =
  (why: string): Judge =>
  (name, body) =>
    onlyOurs(name, why, body);

/** What there is besides the rules of firewalld, which makes more of them when a zone is in use. */
function stateOf({ host }: Sandbox) {
  const state = host.state();
  return { ...state, nft: state.nft.filter((each) => !/"firewalld"/.test(JSON.stringify(each))) };
}

/** Zones that let nobody from one through to the other. */
function separate({ host }: Sandbox) {
  host.sh("firewall-cmd -q --zone=external --change-interface=out0");
}

withFirewalld("it is the default, and packets pass", (box) => {
  const { host, container, cni } = box;
  addOutside(box);
  separate(box);
  const prevResult = cni.add({ ...network, cniVersion });
  const before = stateOf(box);
  assert(container.silent(outsideAddress[4]), "before");
  const attached = cni.attach(firewall(), { prevResult });
  assert.deepEqual(attached.result, prevResult);
  assert.deepEqual(sourcesOf(host, "trusted"), sources);
  for (const family of [4, 6] as const) assert(container.reaches(outsideAddress[family]));
  attached.check();
  cni.add(firewall(), { prevResult });
  attached.del();
  assert.deepEqual(sourcesOf(host, "trusted"), []);
  assert(container.silent(outsideAddress[4]), "after");
  assert.deepEqual(stateOf(box), before);
  attached.del();
});

withFirewalld(
  "beside docker, which drops by itself",
  (box) => {
    const { host, container } = box;
    addOutside(box);
    separate(box);
    dropForwarded(host);
    const attached = attach(box, firewall());
    for (const family of [4, 6] as const) assert(container.reaches(outsideAddress[family]));
    attached.check();
    host.sh("iptables -F CNI-FORWARD");
    assert.throws(attached.check, /damaged: chain CNI-FORWARD .* has no jump to CNI-ADMIN$/);
    attached.del();
    assert.doesNotMatch(lists(host).join("\n"), /10\.1\.2/);
  },
  notInGo("docker drops what firewalld accepts"),
);

withFirewalld(
  "zones; CHECK after a reload; DEL and GC know what ADD made",
  (box) => {
    const { host, cni } = box;
    const prevResult = cni.add(network);
    const config = firewall({ backend: "firewalld", firewalldZone: "home" });
    const attached = cni.attach(config, { prevResult });
    assert.deepEqual(sourcesOf(host, "home"), sources);
    host.sh("firewall-cmd -q --reload");
    assert.throws(attached.check, /zone home of firewalld has no source 10\.1\.2\.2\/32$/);
    cni.add(config, { prevResult });
    attached.check();
    cni.add(config, { prevResult: { ...prevResult, ips: [{ address: "10.1.2.7/24" }] } });
    assert.deepEqual(sourcesOf(host, "home"), ["10.1.2.7/32", sources[1]], "a new address");
    cni.add(config, { prevResult });
    assert.deepEqual(sourcesOf(host, "home"), sources);

    cni.del(config);
    assert.deepEqual(sourcesOf(host, "home"), [], "DEL without a result");
    cni.add(config, { prevResult });
    cni.gc(config, [{ containerID: "c1", ifname: "eth0" }]);
    assert.deepEqual(sourcesOf(host, "home"), sources);
    cni.gc(config, []);
    assert.deepEqual(sourcesOf(host, "home"), []);
    assert.doesNotMatch(host.sh("nft list ruleset"), /cnibox/);

    host.sh("firewall-cmd -q --zone=work --add-source=10.1.2.2/32");
    const before = stateOf(box);
    const add = () => cni.add(config, { prevResult });
    assert.throws(add, /firewalld's addSource for 10\.1\.2\.2\/32: ZONE_CONFLICT: /);
    assert.deepEqual(stateOf(box), before, "a failed ADD leaves nothing");
    assert.deepEqual(sourcesOf(host, "home"), []);
    assert.deepEqual(sourcesOf(host, "work"), ["10.1.2.2/32"]);
  },
  notInGo("it needs the result, and has no GC"),
);

withFirewalld(
  "with nftables asked for it is not called; policies are native",
  (box) => {
    const { host, cni } = box;
    const prevResult = cni.add(network);
    cni.add(firewall({ backend: "nftables" }), { prevResult });
    assert.deepEqual(sourcesOf(host, "trusted"), []);
    cni.del(firewall({ backend: "nftables" }));

    const isolated = firewall({ ingressPolicy: "isolated" });
    const attached = cni.attach(isolated, { prevResult });
    attached.check();
    assert.match(host.sh("nft list table bridge cnibox_isolation"), /elements = { "veth/);
    assert.doesNotMatch(host.sh("iptables-save"), /CNI/);
    attached.del();
    assert.doesNotMatch(host.sh("nft list ruleset"), /cnibox/);
  },
  notInGo("it uses iptables"),
);

onlyOurs("without firewalld", "it says so otherwise", ({ host, cni }) => {
  const prevResult = cni.add(network);
  const before = host.state();
  const config = firewall({ backend: "firewalld" });
  const add = () => cni.add(config, { prevResult });
  const code = (call: () => void) => {
    try {
      call();
    } catch (error) {
      return (error as { code: number }).code;
    }
    return 0;
  };
  assert.throws(add, /Cannot call firewalld's addSource for 10\.1\.2\.2\/32: .*ENOENT/);
  assert.deepEqual(host.state(), before);
  cni.del(config, { prevResult });
  assert.equal(
    code(() => cni.status(config)),
    50,
  );
  cni.status(firewall());
  if (noFirewalld) return;

  startBus(host);
  const withBus = host.state();
  assert.throws(add, /addSource for 10\.1\.2\.2\/32: Name .* does not exist/);
  assert.deepEqual(host.state(), withBus);
  assert.equal(
    code(() => cni.status(config)),
    50,
  );
  cni.attach(firewall(), { prevResult }).del();
  assert.deepEqual(host.state(), withBus, "nobody there: nf_tables is the default");
});
