/** tuning: link settings, where they come from, and what DEL gives back. */
import assert from "node:assert/strict";
import { CniFailure, differs, go, onlyOurs, sandbox, versions } from "../harness/sandbox.ts";
import { cable, prevResult, saved, settings, stateFile, tuning } from "./tuning-support.ts";

const all = {
  ...{ mac: "02:00:00:00:00:77", mtu: 1454, promisc: true, allmulti: true },
  ...(go ? {} : { txQLen: 20_000 }),
};
const tuned = {
  ...{ mac: "02:00:00:00:00:77", mtu: 1454, promisc: true, allmulti: true },
  ...{ promiscuity: 1, txQLen: differs("1.1.1 has no txQLen", { go: 1000, ours: 20_000 }) },
};

for (const cniVersion of versions.all) {
  sandbox(`all settings, in ${cniVersion}: ADD, CHECK, DEL`, (box) => {
    const { host, container, cni } = box;
    cable(host);
    const before = settings(container);
    const pictures = () => [host.state(), container.state()];
    const clean = pictures();
    const given = prevResult(cniVersion);
    const result = cni.add(tuning(all, cniVersion), { prevResult: given });
    const expected = structuredClone(given);
    if (expected.interfaces) {
      if (go) expected.interfaces[0].mac = all.mac; // the one of the host
      expected.interfaces[1].mac = all.mac;
      if (cniVersion === "1.1.0") expected.interfaces[1].mtu = 1454;
    }
    assert.deepEqual(result, go ? { dns: {}, ...expected } : expected);
    assert.deepEqual(settings(container), tuned);
    assert.match(host.sh(`stat -c %a ${stateFile}`), /^600$/m);
    assert.equal(saved(box).mac, "02:00:00:00:00:01");
    if (versions.with("CHECK").includes(cniVersion)) {
      cni.check(tuning(all, cniVersion), { prevResult: result });
    }
    cni.del(tuning(all, cniVersion), { prevResult: result });
    assert.deepEqual(settings(container), before);
    assert.equal(saved(box), undefined);
    cni.del(tuning(all, cniVersion));
    assert.deepEqual(pictures(), clean);
  });
}

sandbox("without link settings nothing is saved, and prevResult passes through", (box) => {
  const { host, container, cni } = box;
  cable(host);
  const before = settings(container);
  const sysctl = { "net.ipv4.conf.IFNAME.log_martians": "1" };
  const given = prevResult();
  const attached = cni.attach(tuning({ sysctl, promisc: false, mtu: 0, mac: "" }), {
    prevResult: given,
  });
  assert.deepEqual(attached.result, go ? { ...given, dns: {} } : given);
  assert.deepEqual(settings(container), before);
  assert.equal(saved(box), undefined);
  if (!go) attached.check(); // 1.1.1 does not replace IFNAME there
  attached.del();
});

const mac = (n: number) => `02:00:00:00:00:0${n}`;

sandbox("a MAC comes from four places, args.cni is the strongest", ({ host, container, cni }) => {
  cable(host);
  const places = [
    { config: { mac: mac(2) } },
    { args: `IgnoreUnknown=1;MAC=${mac(3)};K8S_POD_NAME=x` },
    { config: { RuntimeConfig: { mac: mac(4) } } },
    { config: { args: { cni: { mac: mac(5) } } } },
  ];
  let config = {};
  let args = "";
  places.forEach((place, i) => {
    config = { ...config, ...place.config };
    args = place.args ?? args;
    cni.add(tuning(config), { prevResult: prevResult(), args });
    assert.equal(container.link("eth0").address, mac(i + 2));
  });
  cni.del(tuning(config), { args });
  assert.equal(
    container.link("eth0").address,
    differs("it saves the last", { go: mac(4), ours: mac(1) }),
  );
});

sandbox("args.cni wins over all of the config", ({ host, container, cni }) => {
  cable(host);
  const sysctl = { "net.core.somaxconn": "500", "net.ipv4.conf.eth0.arp_notify": "1" };
  const { txQLen: _, ...others } = all as Record<string, unknown>;
  const more = { ...others, sysctl: { "net.core.somaxconn": "501" } };
  const config = {
    sysctl,
    mtu: 1300,
    promisc: false,
    allmulti: false,
    mac: mac(9),
    args: { cni: more },
  };
  const attached = cni.attach(tuning(config), { prevResult: prevResult() });
  assert.deepEqual(settings(container), { ...tuned, txQLen: 1000 });
  assert.equal(container.sysctl("net/core/somaxconn"), "501");
  assert.equal(container.sysctl("net/ipv4/conf/eth0/arp_notify"), "1");
  attached.check();
  attached.del();
  const off = { allmulti: true, promisc: true, mtu: 1300, mac: mac(9) };
  const none = { cni: { promisc: false, mtu: 0, mac: "", allmulti: false } };
  cni.add(tuning({ ...off, args: none }), { prevResult: prevResult() });
  const { mac: address, promisc, mtu, allmulti } = settings(container);
  assert.deepEqual(
    { address, promisc, mtu, allmulti },
    {
      ...{ address: mac(1), promisc: false, mtu: 1500, allmulti: false },
    },
  );
});

sandbox("what is refused, and why", ({ host, cni, container }) => {
  cable(host);
  const before = settings(container);
  const at = { prevResult: prevResult() };
  const refuse = (config: object, why: RegExp, code = 7, options: object = at) =>
    assert.throws(
      () => cni.add(tuning(config), options),
      (e) => e instanceof CniFailure && why.test(e.message) && e.code === (go ? 999 : code),
      why.source,
    );
  refuse({ mtu: 1400 }, /Required prevResult missing/, 7, {});
  refuse({ mac: "02:00" }, /invalid args 02:00 for MAC addr: address 02:00: invalid MAC address/);
  refuse({ mtu: 1400 }, /ARGS: invalid pair "x"|ARGS: invalid pair "?x/, 4, { ...at, args: "x" });
  refuse({ mtu: 1400 }, /ARGS: unknown args/, 4, { ...at, args: "A=1" });
  refuse({ mtu: 70_000 }, /(?:invalid argument|Invalid argument)/, 999);
  refuse({ mtu: "1400" }, /mtu/);
  refuse({ allmulti: 1 }, /allmulti/);
  const elsewhere = { ...at, ifName: "eth7" };
  refuse(
    { mtu: 1400 },
    /failed to get "eth7": Link not found|Link "eth7" not found/,
    999,
    elsewhere,
  );
  if (!go) {
    refuse({ mtu: -1 }, /Cannot set mtu to -1: out of range/);
    refuse({ txQLen: -1 }, /Cannot set txQLen to -1: out of range/);
    refuse({ mac: "02:00:00:00:00:00:00:01" }, /for MAC addr: the interface has 02:00:00:00:00:01/);
    assert.deepEqual(settings(container), before);
  }
  const slash = { ...at, ifName: "a/b" };
  assert.throws(() => cni.add(tuning({ mtu: 1400 }), slash), /contains \/ or :/);
});

onlyOurs("a MAC in any spelling is one", "it compares texts", ({ host, container, cni }) => {
  cable(host);
  const attached = cni.attach(tuning({ mac: "0200.00AB.CDEF" }), { prevResult: prevResult() });
  assert.equal(attached.result.interfaces[1].mac, "02:00:00:ab:cd:ef");
  assert.equal(container.link("eth0").address, "02:00:00:ab:cd:ef");
  attached.check();
});

sandbox("CHECK tells what is otherwise", ({ host, container, cni }) => {
  cable(host);
  const given = prevResult();
  cni.add(tuning(all), { prevResult: given });
  const check = () => cni.check(tuning(all), { prevResult: given });
  check();
  const changes: Record<string, [string, string, RegExp]> = {
    mac: [
      `address ${mac(8)}`,
      `address ${all.mac}`,
      /mac of eth0 02:00:00:00:00:08 does not match/,
    ],
    mtu: ["mtu 1400", "mtu 1454", /mtu of eth0 1400 does not match expected value: 1454/],
    promisc: ["promisc off", "promisc on", /promisc of eth0 false/],
    allmulti: ["allmulticast off", "allmulticast on", /allmulti of eth0 false/],
    ...(go
      ? {}
      : { txQLen: ["txqueuelen 7", "txqueuelen 20000", /txQLen of eth0 7 does not/] as const }),
  } as Record<string, [string, string, RegExp]>;
  for (const [what, [change, back, why]] of Object.entries(changes)) {
    container.sh(`ip link set eth0 ${change}`);
    assert.throws(check, go ? /Error: Tuning/ : why, what);
    container.sh(`ip link set eth0 ${back}`);
    check();
  }
  assert.throws(() => cni.check(tuning(all)), /Required prevResult missing/);
  container.sh("ip link del eth0");
  assert.throws(check, /Cannot find container link eth0/);
});

onlyOurs("who listens to the interface breaks no CHECK", "its counter must be 0", async (box) => {
  const { host, container, cni } = box;
  cable(host);
  const attached = cni.attach(tuning({ mtu: 1400 }), { prevResult: prevResult() });
  container.start(["tcpdump", "-i", "eth0", "-w", "/dev/null"]);
  for (let i = 0; i < 100 && settings(container).promiscuity === 0; i++) host.sh("sleep 0.05");
  assert.equal(settings(container).promiscuity, 1);
  attached.check();
  attached.del();
});
