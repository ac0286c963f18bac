/** tuning: what is saved for DEL, and what becomes of it. */
import assert from "node:assert/strict";
import { differs, onlyOurs, sandbox } from "../harness/sandbox.ts";
import { cable, prevResult, saved, settings, stateFile, tuning } from "./tuning-support.ts";

const at = { prevResult: prevResult() };

sandbox("only what is configured is saved, in the directory of the config", (box) => {
  const { host, container, cni } = box;
  cable(host);
  const config = tuning({ mtu: 1400, promisc: true, dataDir: "/run/a/b" });
  cni.add(config, at);
  const { network: _, netns: __, ...rest } = saved(box, "/run/a/b/c1_eth0.json");
  assert.deepEqual(rest, { mtu: 1500, promisc: false });
  assert.equal(saved(box), undefined);
  cni.del(config);
  assert.equal(settings(container).mtu, 1500);
  assert.equal(host.sh("ls -A /run/a/b | grep -v ^.cnibox || true"), "");
});

sandbox("a repeated ADD keeps what the first has saved", (box) => {
  const { host, container, cni } = box;
  cable(host);
  const before = settings(container);
  cni.add(tuning({ mtu: 1400 }), at);
  cni.add(tuning({ mtu: 1300, allmulti: true }), at);
  cni.del(tuning({ mtu: 1300 }));
  assert.equal(settings(container).mtu, differs("it saves 1400", { go: 1400, ours: 1500 }));
  assert.deepEqual(settings(container).allmulti, before.allmulti);
});

onlyOurs("a failed ADD after another takes back its own part only", "it does not", (box) => {
  const { host, container, cni } = box;
  cable(host);
  cni.add(tuning({ mtu: 1400, txQLen: 50 }), at);
  const [was, text] = [settings(container), saved(box)];
  assert.throws(() => cni.add(tuning({ mtu: 99_999, mac: "02:00:00:00:00:77", txQLen: 60 }), at));
  assert.deepEqual([settings(container), saved(box)], [was, text]);
  cni.del(tuning());
  assert.deepEqual([settings(container).mtu, settings(container).txQLen], [1500, 1000]);
});

onlyOurs("DEL gives back as much as the interface takes", "no such file there", (box) => {
  const { host, container, cni } = box;
  cable(host);
  cni.add(tuning({ mtu: 1400, txQLen: 50 }), at);
  host.sh(`sed -i s/1500/99999/ ${stateFile}`);
  const done = cni.invoke("DEL", tuning());
  assert.equal(done.status, 0);
  assert.match(done.stderr, /"eth0" stays as it is: Cannot change mtu of link "eth0"/);
  assert.equal(settings(container).txQLen, 1000);
  assert.notEqual(saved(box), undefined, "for the next DEL");
  cni.gc(tuning({}, "1.1.0"), []);
  assert.equal(saved(box), undefined);
});

onlyOurs("what is damaged is no obstacle", "it keeps the file for ever", (box) => {
  const { host, container, cni } = box;
  cable(host);
  for (const text of ["", "{", "[]", "null", '{"mtu":"x","mac":7}', '{"mtu":99999}', "\\0\\377"]) {
    host.sh(`mkdir -p /run/cni/tuning; printf '${text}' >${stateFile}`);
    if (!text.includes("99999")) cni.del(tuning());
    assert.equal(text.includes("99999") || saved(box) === undefined, true, text);
    host.sh(`printf '${text}' >${stateFile}`);
    if (text.includes("99999")) continue; // as good as any
    cni.add(tuning({ mtu: 1400 }), at);
    assert.equal(saved(box).mtu, 1500, text);
    cni.del(tuning());
    assert.equal(settings(container).mtu, 1500, text);
  }
});

onlyOurs("with namespace or link gone nothing stays", "the file does", (box) => {
  const { host, container, cni } = box;
  cable(host);
  for (const gone of ["", "/run/netns/nonesuch", "link"]) {
    cni.add(tuning({ mtu: 1400 }), at);
    assert.notEqual(saved(box), undefined);
    if (gone === "link") container.sh("ip link del eth0");
    cni.del(tuning(), gone === "link" ? {} : { container: gone });
    assert.equal(saved(box), undefined, gone);
    if (gone !== "link") container.sh("ip link set eth0 mtu 1500");
  }
});

onlyOurs("what was saved of another container with the same ID is not used", "it is", (box) => {
  const { host, cni } = box;
  cable(host);
  cni.add(tuning({ mtu: 1400 }), at);
  const text = JSON.stringify(saved(box));
  box.removeNamespace("c1"); // no DEL came
  const other = box.addNamespace("c2");
  cable(host, "c2");
  other.sh("ip link set eth0 mtu 1480");
  cni.del(tuning(), { container: other });
  assert.equal(settings(other).mtu, 1480);
  host.sh(`printf '${text}' >${stateFile}`);
  cni.add(tuning({ mtu: 1300 }), { ...at, container: other });
  assert.equal(saved(box).mtu, 1480);
  cni.del(tuning(), { container: other });
  assert.equal(settings(other).mtu, 1480);
});

onlyOurs("GC forgets what no attachment of its network needs", "it has none", (box) => {
  const { host, cni } = box;
  cable(host);
  cable(host, "c1", "eth1", "v1");
  cable(host, "c1", "eth2", "v2");
  const config = (name: string) => ({ ...tuning({ mtu: 1400 }, "1.1.0"), name });
  cni.add(config("net1"), at);
  cni.add(config("net1"), { ...at, ifName: "eth1" });
  cni.add(config("net2"), { ...at, ifName: "eth2" });
  host.sh(
    `cd /run/cni/tuning; echo '{"mtu":1400}' >c9_eth0.json; echo '{' >c9_eth1.json; echo >other`,
  );
  const files = () => host.sh("ls /run/cni/tuning").trim().split("\n");
  cni.gc(config("net1"), [{ containerID: "c1", ifname: "eth1" }]);
  // Whose go's files and damaged ones are nobody knows; DEL removes them.
  assert.deepEqual(files(), [
    "c1_eth1.json",
    "c1_eth2.json",
    "c9_eth0.json",
    "c9_eth1.json",
    "other",
  ]);
  cni.gc(config("net2"), []);
  assert.deepEqual(files(), ["c1_eth1.json", "c9_eth0.json", "c9_eth1.json", "other"]);
  cni.gc({ ...config("net1"), dataDir: "/run/nonesuch" }, []);
  cni.gc(config("net1"), []);
  assert.deepEqual(files(), ["c9_eth0.json", "c9_eth1.json", "other"]);
});

onlyOurs("a plugin that stands twice in a chain gives all back", "only the last", (box) => {
  const { host, container, cni } = box;
  cable(host);
  const before = settings(container);
  const second = cni.add(tuning({ mtu: 1400 }), at);
  cni.add(tuning({ mtu: 1300, promisc: true }), { prevResult: second });
  cni.del(tuning({ mtu: 1300 }));
  cni.del(tuning({ mtu: 1400 }));
  assert.deepEqual(settings(container), before);
});
