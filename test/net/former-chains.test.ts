/** What earlier versions left in nf_tables, on a node that was upgraded while containers ran. */
import assert from "node:assert/strict";
import { parseCidr } from "../../src/addr/cidr.ts";
import { instanceHash } from "../../src/net/attachment.ts";
import * as masquerade from "../../src/net/masquerade.ts";
import * as masqueradeRemoval from "../../src/net/masquerade-removal.ts";
import * as spoofCheckRemoval from "../../src/net/spoof-check-removal.ts";
import { type Namespace, sandbox } from "../harness/sandbox.ts";
import { attachment, open, ruleset } from "./support.ts";

const needs = ["CONFIG_NF_TABLES_IPV4" as const, "CONFIG_NF_TABLES_BRIDGE" as const];
const one = attachment("one");
const two = attachment("two");
const other = attachment("one", "other");

/** As version 0.1.0 made it for these attachments. */
function makeFormer(host: Namespace) {
  const parts = [one, two, other].map((each, i) => {
    const hash = instanceHash(each);
    const { network, ifName, containerId } = each;
    const comment = `comment "${hash}, net: ${network}, if: ${ifName}, id: ${containerId}"`;
    const masq = (family: string, source: string, subnet: string) => `
      add chain ${family} cnibox_masquerade masq-${hash}
      add rule ${family} cnibox_masquerade masq-${hash} \
        ${family} saddr ${source} ${family} daddr != ${subnet} masquerade ${comment}
      add element ${family} cnibox_masquerade attachments { ${source} : jump masq-${hash} }`;
    return `${masq("ip", `10.1.0.${i + 2}`, "10.1.0.0/16")}
      ${masq("ip", `10.2.0.${i + 2}`, "10.2.0.0/24").replace(/add chain.*/, "")}
      ${masq("ip6", `fd00::${i + 2}`, "fd00::/64")}
      add chain bridge cnibox_spoofcheck port-${hash}
      add rule bridge cnibox_spoofcheck port-${hash} \
        iifname "veth${i}" ether saddr != 02:00:00:00:00:0${i} drop ${comment}
      add element bridge cnibox_spoofcheck attachments { "veth${i}" : jump port-${hash} }`;
  });
  const tables = (["ip", "ip6"] as const).map(
    (family) => `
      add table ${family} cnibox_masquerade { comment "cnibox: IP masquerade of containers"; }
      add map ${family} cnibox_masquerade attachments {
        type ${family === "ip" ? "ipv4_addr" : "ipv6_addr"} : verdict; }
      add chain ${family} cnibox_masquerade postrouting {
        type nat hook postrouting priority srcnat; policy accept; }
      add rule ${family} cnibox_masquerade postrouting ${family} saddr vmap @attachments`,
  );
  host.sh(`nft -f - <<'END'
    ${tables.join("\n")}
    add table bridge cnibox_spoofcheck { comment "cnibox: MAC addresses of containers"; }
    add map bridge cnibox_spoofcheck attachments { type ifname : verdict; }
    add chain bridge cnibox_spoofcheck prerouting {
      type filter hook prerouting priority dstnat; policy accept; }
    add rule bridge cnibox_spoofcheck prerouting iifname vmap @attachments
    ${parts.join("\n")}
END`);
}

const owners = (host: Namespace) => [...new Set(ruleset(host).match(/net: \S+ if: \S+ id: \w+/g))];
const nameOf = ({ network, ifName, containerId }: typeof one) =>
  `net: ${network}, if: ${ifName}, id: ${containerId}`;

sandbox("DEL takes what an earlier version made of the attachment", { needs }, ({ host }) => {
  const netns = open(host);
  makeFormer(host);
  const former = ruleset(host);
  assert.deepEqual(owners(host), [one, two, other].map(nameOf));
  masquerade.setup(netns, attachment("new"), [parseCidr("10.1.0.9/16")]);
  assert.ok(ruleset(host).includes(former), "ADD leaves others as they are");

  masqueradeRemoval.teardown(netns, one);
  spoofCheckRemoval.teardown(netns, one);
  assert.deepEqual(
    owners(host).sort(),
    [nameOf(attachment("new")), ...[other, two].map(nameOf)].sort(),
  );
  assert.equal(ruleset(host).match(/ : jump /g)?.length, 8, "and the keys that led there");
  for (const each of [two, other, attachment("new")]) {
    masqueradeRemoval.teardown(netns, each);
    spoofCheckRemoval.teardown(netns, each);
  }
  assert.equal(ruleset(host), "");
});

sandbox("GC takes what an earlier version made, network by network", { needs }, ({ host }) => {
  const netns = open(host);
  makeFormer(host);
  const gc = (network: string, valid: (typeof one)[]) => {
    masqueradeRemoval.gc(netns, network, valid);
    spoofCheckRemoval.gc(netns, network, valid);
  };
  gc("another", []);
  assert.equal(owners(host).length, 3);
  gc("unit-test", [two]);
  assert.deepEqual(owners(host).sort(), [other, two].map(nameOf).sort());
  gc("unit-test", []);
  gc("other", []);
  assert.equal(ruleset(host), "");
});
