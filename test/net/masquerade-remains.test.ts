/** Masquerade rules of the Go plugins and of iptables: made by them, removed by us. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import t from "tap";
import { type Cidr, parseCidr } from "../../src/addr/cidr.ts";
import { Netns } from "../../src/kernel/netns.ts";
import { NftUnsupported } from "../../src/kernel/nft-support.ts";
import type { Attachment } from "../../src/net/attachment.ts";
import { splitWords } from "../../src/net/iptables.ts";
import { setup } from "../../src/net/masquerade.ts";
import { gc, teardown } from "../../src/net/masquerade-removal.ts";
import { type Namespace, sandbox } from "../harness/sandbox.ts";
import {
  attachment,
  goAdd,
  noGoBridge,
  open,
  orSkip,
  ruleset,
  workerArgs,
  workerArgv,
} from "./support.ts";

const needs = ["CONFIG_NF_TABLES_IPV4" as const];
const one = attachment("one");

/** The host side on a kernel without nf_tables. */
const withoutNft = {
  use: () => ({
    retry() {
      throw new NftUnsupported("use nf_tables", ["CONFIG_NF_TABLES"]);
    },
  }),
} as unknown as Netns;

const asked = workerArgs();
if (asked) act(asked as [string, string, ...string[]]);
else test();

/** Runs in the namespace itself, where it may start iptables. */
function act([verb, id, ...rest]: [string, string, ...string[]]) {
  const host = Netns.own();
  if (verb === "setup") setup(host, attachment(id), rest.map(parseCidr), "iptables");
  else if (verb === "fall back") setup(withoutNft, attachment(id), rest.map(parseCidr));
  else if (verb === "teardown") teardown(host, attachment(id), rest.map(parseCidr));
  else gc(host, "unit-test", [{ containerId: id, ifName: "eth0" }]);
}

function inside(host: Namespace, argv: string[], env: Record<string, string> = {}) {
  const { status, stderr } = host.run(workerArgv(...argv), { env });
  if (status !== 0) throw new Error(stderr);
}

function test() {
  orSkip(
    noGoBridge,
    "the Go bridge's rules for iptables go, and other containers' stay",
    ({ host, container }) => {
      const ranges = [[{ subnet: "10.1.0.0/16" }], [{ subnet: "fd00:1::/64" }]];
      const config = { ipMasq: true, isGateway: true, ipam: { type: "host-local", ranges } };
      goAdd(host, container.netns, "one", config);
      const theirs = ruleset(host);
      assert.match(theirs, /jump CNI-[0-9a-f]{24}/);
      host.sh("ip netns add c2");
      goAdd(host, "/run/netns/c2", "two", config);
      teardown(open(host), attachment("two"));
      assert.equal(withoutCounters(ruleset(host)), withoutCounters(theirs), "only its own");
      teardown(open(host), one, [parseCidr("10.1.0.2/16"), parseCidr("fd00:1::2/64")]);
      assert.doesNotMatch(ruleset(host), /CNI-|name: /);
    },
  );

  sandbox("GC finds containers in the comments of the new iptables", { needs }, ({ host }) => {
    for (const id of ["one", "two", "three"]) iptablesNft(host, attachment(id), "10.1.0.2/16");
    iptablesNft(host, attachment("one", "other"), "10.1.0.2/16");
    gc(open(host), "unit-test", [{ containerId: "two", ifName: "eth0" }]);
    const left = host.sh("iptables-nft -t nat -S");
    assert.equal(left.match(/^-N CNI-/gm)?.length, 2);
    const jumps = [...left.matchAll(/^-A POSTROUTING.*name: \\"(.*?)\\" id: \\"(.*?)\\"/gm)];
    assert.deepEqual(
      jumps.map(([, name, id]) => `${name} ${id}`),
      ["unit-test two", "other one"],
    );
  });

  sandbox("interfaces of one container share a chain of iptables", { needs }, ({ host }) => {
    iptablesNft(host, one, "10.1.0.2/16");
    iptablesNft(host, one, "10.1.0.3/16");
    teardown(open(host), one, [parseCidr("10.1.0.2/16")]);
    const left = host.sh("iptables-nft -t nat -S");
    assert.match(left, /-s 10\.1\.0\.3\/32/);
    assert.doesNotMatch(left, /-s 10\.1\.0\.2\/32/);
    assert.match(left, /^-N CNI-/m);
    teardown(open(host), one);
    assert.doesNotMatch(host.sh("iptables-nft -t nat -S"), /CNI-/);
  });

  sandbox("the Go plugins' table for nft", { needs: ["CONFIG_NF_TABLES_INET"] }, ({ host }) => {
    const rule = (hash: string, id: string, network = "unit-test") =>
      `add rule inet cni_plugins_masquerade masq_checks ip saddr == 10.1.0.2 ` +
      `ip daddr != 10.1.0.0/16 masquerade comment "${hash}, net: ${network}, if: eth0, id: ${id}"`;
    host.sh(`nft -f - <<'END'
      add table inet cni_plugins_masquerade
      add chain inet cni_plugins_masquerade masq_checks
      add chain inet cni_plugins_masquerade postrouting { type nat hook postrouting priority 100; }
      add rule inet cni_plugins_masquerade postrouting ip daddr == 224.0.0.0/4 return
      add rule inet cni_plugins_masquerade postrouting goto masq_checks
      ${rule("6fd94d501e58f0aa-287fc69eff0574a2", "one")}
      ${rule("6fd94d501e58f0aa-d750b2c8f0f25d5f", "two")}
      ${rule("6fd94d501e58f0aa-0123456789abcdef", "gone")}
      ${rule("0123456789abcdef-287fc69eff0574a2", "one", "other")}
END`);
    const ids = () =>
      ruleset(host)
        .match(/(?<=id: )\w+/g)
        ?.join();
    const netns = open(host);
    teardown(netns, one);
    assert.equal(ids(), "two,gone,one");
    gc(netns, "unit-test", [{ containerId: "two", ifName: "eth0" }]);
    assert.equal(ids(), "two,one");
    gc(netns, "unit-test", []);
    assert.equal(ids(), "one");
    host.sh(
      "nft delete rule inet cni_plugins_masquerade masq_checks handle $(nft -a list ruleset" +
        " | sed -n 's/.*net: other.*handle //p')",
    );
    host.sh(`nft '${rule("6fd94d501e58f0aa-287fc69eff0574a2", "one")}'`);
    teardown(netns, one);
    assert.equal(ruleset(host), "", "the last rule takes the table away");
  });

  for (const kind of ["nft", "legacy"]) {
    const tool = `iptables-${kind} -t nat`;
    const works = spawnSync("unshare", ["--net", "sh", "-c", `${tool} -S`]).status === 0;
    const why = works ? "" : `${tool} does not work here`;
    orSkip(why, `backend iptables, with iptables-${kind}`, ({ host }) => {
      // The program that PATH has under the usual names is the one in question.
      host.sh(`mkdir /run/bin
        for name in iptables ip6tables; do ln -s $(command -v $name-${kind}) /run/bin/$name; done`);
      const env = { PATH: `/run/bin:${process.env.PATH}` };
      const before = host.sh(`${tool} -S; ip6tables-${kind} -t nat -S`);
      const addresses = ["10.1.0.2/16", "10.1.0.3/16", "fd00:1::2/64"];
      inside(host, ["setup", "one", ...addresses], env);
      // Network and container: FormatChainName("unit-test", "one").
      const chain = `CNI-${host.sh("printf unit-testone | sha512sum").slice(0, 24)}`;
      const comment = '-m comment --comment "name: \\"unit-test\\" id: \\"one\\""';
      const made = host.sh(`${tool} -S | grep ${chain}`).trim().split("\n");
      assert.deepEqual(made, [
        `-N ${chain}`,
        `-A POSTROUTING -s 10.1.0.2/32 ${comment} -j ${chain}`,
        `-A POSTROUTING -s 10.1.0.3/32 ${comment} -j ${chain}`,
        `-A ${chain} -d 10.1.0.0/16 ${comment} -j ACCEPT`,
        `-A ${chain} ! -d 224.0.0.0/4 ${comment} -j MASQUERADE`,
      ]);
      inside(host, ["setup", "one", ...addresses], env);
      assert.deepEqual(host.sh(`${tool} -S | grep ${chain}`).trim().split("\n"), made);
      inside(host, ["setup", "two", "10.1.0.4/16"], env);

      inside(host, ["teardown", "one", "10.1.0.2/16", "fd00:1::2/64"], env);
      assert.equal(host.sh(`${tool} -S | grep -c ${chain}`).trim(), "4", "one jump is left");
      inside(host, ["teardown", "one"], env);
      assert.doesNotMatch(host.sh(`${tool} -S`), /one/);
      inside(host, ["fall back", "three", "10.1.0.5/16"], env);
      inside(host, ["gc", "two"], env);
      assert.doesNotMatch(host.sh(`${tool} -S`), /three/);
      assert.match(host.sh(`${tool} -S`), /two/);
      inside(host, ["teardown", "two", "10.1.0.4/16"], env);
      assert.equal(host.sh(`${tool} -S; ip6tables-${kind} -t nat -S`), before);
    });
  }

  t.test("without nf_tables and without iptables, the kernel option is named", async (t) => {
    const env = process.env.PATH;
    process.env.PATH = "/nowhere";
    t.teardown(() => {
      process.env.PATH = env;
    });
    const address = [parseCidr("10.1.0.2/16")];
    const refused = { message: "Cannot use nf_tables: the kernel lacks CONFIG_NF_TABLES" };
    t.throws(() => setup(withoutNft, one, address), refused);
    t.throws(() => setup(withoutNft, one, address, "nftables"), refused);
    const missing = { message: "Cannot set up masquerade: iptables is not in PATH" };
    t.throws(() => setup(withoutNft, one, address, "iptables"), missing);
  });

  t.test("words as iptables prints them", async (t) => {
    const line = String.raw`-A X -m comment --comment "name: \"a b\" id: \"c\\d\"" -j Y`;
    t.same(splitWords(line), [
      "-A",
      "X",
      "-m",
      "comment",
      "--comment",
      `name: "a b" id: "c\\d"`,
      "-j",
      "Y",
    ]);
  });
}

/** What the reference's iptables backend runs for one address. */
function iptablesNft(host: Namespace, { network, containerId }: Attachment, address: string) {
  const cidr: Cidr = parseCidr(address);
  const chain = `CNI-${host.sh(`printf %s ${network}${containerId} | sha512sum`).slice(0, 24)}`;
  const comment = `-m comment --comment 'name: "${network}" id: "${containerId}"'`;
  host.sh(`i="iptables-nft -t nat"
    $i -N ${chain} 2>/dev/null || true
    $i -A ${chain} -d ${address} -j ACCEPT ${comment}
    $i -A ${chain} ! -d 224.0.0.0/4 -j MASQUERADE ${comment}
    $i -A POSTROUTING -s ${cidr.ip.join(".")} -j ${chain} ${comment}`);
}

function withoutCounters(text: string): string {
  return text.replace(/counter packets \d+ bytes \d+/g, "counter");
}
