/** Names that the reference gives, with the vectors of its own tests. */
import t from "tap";
import {
  instanceHash,
  iptablesChain,
  iptablesComment,
  isStaleJump,
  ruleComment,
} from "../../src/net/attachment.ts";
import { attachment } from "./support.ts";

t.test("the hash and the comment of rules for nft", async (t) => {
  const hash = "6fd94d501e58f0aa-287fc69eff0574a2";
  t.equal(instanceHash(attachment("one")), hash);
  t.equal(ruleComment(attachment("one")), `${hash}, net: unit-test, if: eth0, id: one`);
  const quoted = ruleComment({ network: 'a"b', containerId: "c", ifName: '"' });
  t.match(quoted, /, net: ab, if: , id: c$/, "a comment in nft has no way to hold a quote");
});

t.test("the chain of iptables", async (t) => {
  const chain = (network: string, containerId: string) => iptablesChain({ network, containerId });
  t.equal(chain("test", "1234"), "CNI-2bbe0c48b91a7d1b8a6753a8");
  t.equal(chain("testalongnamethatdoesnotmakesense", "1234"), "CNI-374f33fe84ab0ed84dcdebe3");
});

t.test("which jumps of iptables are stale", async (t) => {
  const one = attachment("one");
  const jump = { chain: iptablesChain(one), comment: iptablesComment(one) };
  const valid = [{ containerId: "two", ifName: "eth0" }];
  t.equal(isStaleJump(jump, "unit-test", valid), true);
  t.equal(isStaleJump(jump, "unit-test", [...valid, one]), false);
  t.equal(isStaleJump(jump, "unit", valid), false, "of another network");
  t.equal(isStaleJump({ ...jump, chain: "CNI-x" }, "unit-test", valid), false, "not by the plugin");
  t.equal(isStaleJump({ ...jump, comment: "" }, "unit-test", valid), false);
});
