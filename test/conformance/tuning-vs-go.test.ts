/** tuning by Go and by us: the same is set, and one gives back what the other has changed. */
import assert from "node:assert/strict";
import { cable, prevResult, saved, settings, tuning } from "../applets/tuning-support.ts";
import type { Sandbox } from "../harness/sandbox.ts";
import { differences, type Explained, leaves, picture } from "./compare.ts";
import { bins, commonVersions, compared, type Side, sides } from "./go.ts";

const sysctl = { "net.core.somaxconn": "500", "net.ipv4.conf.eth0.log_martians": "1" };
const configs: Record<string, object> = {
  sysctl: { sysctl },
  mac: { mac: "02:00:00:00:00:77" },
  mtu: { mtu: 1400 },
  promisc: { promisc: true },
  allmulti: { allmulti: true },
  "allmulti off": { allmulti: false },
  all: { sysctl, mac: "02:00:00:00:00:77", mtu: 1400, promisc: true, allmulti: true },
  "args.cni": { mtu: 1400, args: { cni: { mtu: 1300, promisc: true } } },
};

const explained: Explained = [
  [/^result\.dns$/, "Go 1.1.1 prints an empty dns in 1.0.0"],
  [/^result\.interfaces\.0\.mac$/, "ours leaves an interface of the host with the same name alone"],
  [/^saved\.(network|netns)$/, "ours says whose it is: for GC, and for an ID that comes again"],
];

const other = (side: Side): Side => (side === "go" ? "ours" : "go");

function pictureOfAdd(box: Sandbox, side: Side, config: ReturnType<typeof tuning>) {
  const { host, container, cni } = box;
  cable(host);
  const given = prevResult(String(config.cniVersion));
  const result = cni.add(config, { bin: bins[side], prevResult: given });
  const shown = {
    result,
    ...{ settings: settings(container), saved: saved(box) ?? {} },
    somaxconn: container.sysctl("net/core/somaxconn"),
    container: picture(container, ["eth0"]),
  };
  cni.del(config, { bin: bins[side], prevResult: result });
  assert.deepEqual([saved(box), settings(container).mtu], [undefined, 1500]);
  container.sh("ip link del eth0; echo 4096 >/proc/sys/net/core/somaxconn");
  return leaves(shown, "");
}

for (const [name, more] of Object.entries(configs)) {
  for (const cniVersion of name === "all" ? commonVersions : ["1.0.0"]) {
    compared(`go and ours do the same: ${name} [${cniVersion}]`, (box) => {
      const [theirs, ours] = sides.map((side) => pictureOfAdd(box, side, tuning(more, cniVersion)));
      assert(theirs && ours && theirs.size > 100);
      assert.deepEqual(differences(theirs, ours, explained), []);
    });
  }

  for (const adder of sides) {
    const remover = other(adder);
    compared(`${adder} ADDs, ${remover} CHECKs and DELs: ${name}`, (box) => {
      const { host, container, cni } = box;
      cable(host);
      const before = settings(container);
      const config = tuning(more);
      const result = cni.add(config, { bin: bins[adder], prevResult: prevResult() });
      if (name !== "sysctl") assert.notEqual(saved(box), undefined);
      // 1.1.1 takes args.cni as we do.
      cni.check(config, { bin: bins[remover], prevResult: result });
      cni.del(config, { bin: bins[remover], prevResult: result });
      assert.deepEqual([settings(container), saved(box)], [before, undefined]);
    });
  }
}
