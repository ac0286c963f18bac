/** sbr by Go and by us: the same rules and routes, and one takes away what the other has made. */
import assert from "node:assert/strict";
import { at, prevResult, rules, sbr, table, twoWays } from "../applets/sbr-support.ts";
import type { Sandbox } from "../harness/sandbox.ts";
import { bins, commonVersions, compared, type Side, sides } from "./go.ts";

/** 1.1.1 has no keys of its own. */
const configs: Record<string, object> = { "of its own": {} };

/**
 * What differs on purpose: the way to the neighbours (fe80::/64) stays in the main table; a table gets
 * the routes of its own family only.
 */
function comparable(lines: string[], side: Side): string[] {
  const kept = lines.filter((line) => !line.startsWith("fe80"));
  return side === "go" ? kept : kept.sort();
}

function pictureOfAdd(box: Sandbox, side: Side, config: ReturnType<typeof sbr>) {
  const { container, cni } = box;
  const given = prevResult(String(config.cniVersion));
  const result = cni.add(config, { ...at, bin: bins[side], prevResult: given });
  const shown = {
    result: { dns: {}, ...result },
    rules: rules(container),
    routes: [
      table(container, "main"),
      table(container, 100),
      table(container, "main", "-6"),
      table(container, 101, "-6"),
      table(container, 5000),
    ].map((lines) => comparable(lines, side).sort()),
  };
  return shown;
}

for (const [name, more] of Object.entries(configs)) {
  for (const cniVersion of name === "of its own" ? commonVersions : ["1.0.0"]) {
    const seen: unknown[] = [];
    for (const side of sides) {
      compared(`tables ${name} by ${side} [${cniVersion}]`, (box) => {
        twoWays(box);
        seen.push(pictureOfAdd(box, side, sbr(more, cniVersion)));
        if (side === "ours") assert.deepEqual(seen[1], seen[0]);
      });
    }
  }

  for (const adder of sides) {
    const remover = adder === "go" ? "ours" : "go";
    compared(`${adder} ADDs, ${remover} CHECKs and DELs: tables ${name}`, (box) => {
      const { container, cni } = box;
      const outside = twoWays(box);
      const config = sbr(more);
      const result = cni.add(config, { ...at, bin: bins[adder], prevResult: prevResult() });
      if (name === "of its own") assert(outside.reaches("10.2.0.2"));
      cni.check(config, { ...at, bin: bins[remover], prevResult: result });
      cni.del(config, { ...at, bin: bins[remover], prevResult: result });
      assert.deepEqual(rules(container), []);
    });
  }
}

compared("interfaces of both stand side by side", (box) => {
  const { host, container, cni } = box;
  twoWays(box);
  host.sh(`ip link add d0 up type veth peer name net2 netns c1
    ip -n c1 link set net2 up; ip -n c1 addr add 10.5.0.2/24 dev net2`);
  const second = {
    cniVersion: "1.0.0",
    interfaces: [{ name: "net2" }],
    ips: [{ interface: 0, address: "10.5.0.2/24", gateway: "10.5.0.1" }],
  };
  cni.add(sbr(), { ...at, bin: bins.go, prevResult: prevResult() });
  cni.add(sbr(), { ifName: "net2", prevResult: second });
  assert.deepEqual(rules(container), ["10.2.0.2 100", "10.5.0.2 102", "2001:db8:2::2 101"]);
  cni.add(sbr(), { ...at, prevResult: prevResult() });
  assert.equal(rules(container).length, 3, "Go's are taken for ours");
  cni.del(sbr(), { ...at, bin: bins.go, prevResult: prevResult() });
  assert.deepEqual(rules(container), ["10.5.0.2 102"]);
});
