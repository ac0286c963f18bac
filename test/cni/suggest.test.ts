import t from "tap";
import { suggest } from "../../src/cni/suggest.ts";

const names = ["bridge", "host-local", "macvlan", "ipvlan", "tap", "mtu"];

t.test("near misses", async (t) => {
  const cases: [string, string | undefined][] = [
    ["bridg", "bridge"],
    ["brigde", "bridge"],
    ["bridgee", "bridge"],
    ["rbidgee", "bridge"],
    ["Bridge", "bridge"],
    ["hostlocal", "host-local"],
    ["ipvaln", "ipvlan"],
    ["macv", "macvlan"],
    ["mut", "mtu"],
    ["subnet", undefined],
    ["xyz", undefined],
    ["q", undefined],
    ["", undefined],
  ];
  for (const [word, expected] of cases) t.equal(suggest(word, names), expected, `"${word}"`);
});

t.test("the nearest one wins, not the first", async (t) => {
  t.equal(suggest("q", ["ab"]), undefined, "two edits make any two letters of any other");
  t.equal(suggest("vlans", ["vxlan2", "vlan"]), "vlan");
});
