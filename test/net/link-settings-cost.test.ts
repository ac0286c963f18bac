/** What it costs to tune an interface: two messages, whatever is set. */
import assert from "node:assert/strict";
import t from "tap";
import { Undo } from "../../src/cni/undo.ts";
import { restore, tune } from "../../src/net/link-settings.ts";
import { directory } from "../harness/directory.ts";
import { sandbox } from "../harness/sandbox.ts";
import { count } from "./cost.ts";
import { attachment, open } from "./support.ts";

sandbox("all settings of an interface", ({ host }) => {
  host.sh("ip link add eth0 type veth peer name x0");
  const netns = open(host);
  const one = attachment("one");
  const place = `${directory(t)}/state`;
  const wanted = { mac: "02:00:00:00:00:77", mtu: 1400, promisc: true, allmulti: true, txQLen: 5 };
  const setUp = () => {
    const request = { container: netns, attachment: one, directory: place, undo: new Undo() };
    tune(netns.links.get("eth0"), wanted, request);
  };
  assert.equal(count(setUp).sent, 2);
  assert.equal(host.link("eth0").mtu, 1400);
  assert.equal(count(setUp).sent, 1, "what is so already");
  assert.equal(count(() => assert.deepEqual(restore(netns, one, place), [])).sent, 2);
  assert.equal(host.link("eth0").mtu, 1500);
  assert.equal(count(() => restore(netns, one, place)).sent, 0, "nothing is saved");
  netns.close();
});
