/**
 * Networks by hand, twice: all plugins in cnitool's own process, and each in one of its own. What is
 * printed, and what stands afterwards, must be the same.
 */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { onlyOurs, type Sandbox } from "../harness/sandbox.ts";
import { bridge, id, netns, portmap, type Tool, tool, ways } from "./support.ts";

const record = new Map<string, object[]>();

/** A case that runs both ways. */
function bothWays(name: string, body: (box: Sandbox, cnitool: Tool) => void): void {
  for (const [way, prepare] of Object.entries(ways)) {
    onlyOurs(`${name}, ${way}`, "it has no cnitool", (box) => {
      prepare(box);
      const cnitool = tool(box);
      body(box, cnitool);
      const other = record.get(name);
      if (other) assert.deepEqual(cnitool.said, other, "the same both ways");
      else record.set(name, cnitool.said);
    });
  }
}

bothWays("add, check and del of a list", (box, { network, ok, fails, cached, call }) => {
  const { host, container, stateWithout } = box;
  network("web", [bridge, portmap]);
  const env = {
    CAP_ARGS:
      '{"portMappings":[{"hostPort":8080,"containerPort":80,"protocol":"tcp"}],"ips":["1.2.3.4"]}',
  };
  stateWithout({ ...bridge, name: "web" });
  stateWithout({
    type: "portmap",
    name: "web",
    prevResult: { cniVersion: "1.1.0", ips: [{ address: "10.1.2.9/24" }] },
    runtimeConfig: { portMappings: [{ hostPort: 1, containerPort: 1, protocol: "tcp" }] },
  } as never);
  const before = [host.state(), container.state()];

  const printed = ok(`add web ${netns}`, env);
  assert.ok(printed.endsWith("\n}"), "no line break at the end");
  assert.match(printed, /^\{\n {4}"cniVersion": "1\.1\.0",\n {4}"interfaces": \[\n/);
  const result = JSON.parse(printed);
  assert.equal(result.ips[0].address, "10.1.2.3/24");
  assert.deepEqual(container.addresses("eth0"), ["10.1.2.3/24"]);
  assert.match(JSON.stringify(host.nft()), /8080/);
  assert.deepEqual(cached(), [`web-${id}-eth0`]);
  const entry = JSON.parse(readFileSync(host.file(`/var/lib/cni/results/web-${id}-eth0`), "utf8"));
  assert.deepEqual(entry.result, result);
  assert.equal(entry.netns, netns);

  assert.equal(ok(`check web ${netns}`, env), "");
  container.sh("ip addr flush dev eth0");
  assert.match(fails(`check web ${netns}`, env), /^Error: .*10\.1\.2\.3.*\n$/);

  assert.equal(ok(`del web ${netns}`, env), "");
  assert.deepEqual([host.state(), container.state()], before);
  ok(`del web ${netns}`, env);
  box.removeNamespace("c1");
  assert.equal(call(`del web ${netns}`, env).status, 0);
});

bothWays(
  "several interfaces, and a container as its runtime names it",
  (box, { network, ok, cached, fails }) => {
    const { container } = box;
    network("web", [bridge], { cniVersion: "0.4.0" });
    const first = JSON.parse(ok(`add web ${netns} -i net0`));
    assert.equal(first.cniVersion, "0.4.0");
    ok(`add web ${netns} --container-id blue`, { CNI_IFNAME: "net1" });
    ok(`add web ../run/./netns//c1`);
    assert.deepEqual(container.links(), ["eth0", "lo", "net0", "net1"]);
    assert.deepEqual(cached(), ["web-blue-net1", `web-${id}-eth0`, `web-${id}-net0`]);
    assert.match(
      fails(`add web ${netns}`),
      /^Error: plugin type="bridge" failed \(add\): .*eth0.*\n$/,
    );
    assert.deepEqual(container.links(), ["eth0", "lo", "net0", "net1"]);
    ok(`del web ${netns} --container-id=blue --ifname=net1`);
    assert.deepEqual(container.links(), ["eth0", "lo", "net0"]);
  },
);

bothWays("a failed add, with and without rollback", (box, { network, fails, cached }) => {
  const { host, container, stateWithout } = box;
  network("bad", [
    { ...bridge, type: "ptp" },
    { type: "bridge", bridge: "br1", mtu: "x" },
  ]);
  stateWithout({ ...bridge, type: "ptp", name: "bad" });
  const before = [host.state(), container.state()];
  const message = fails(`add bad ${netns} --rollback`);
  assert.match(
    message,
    /^Error: plugin type="bridge" failed \(add\): Cannot read config: "mtu" must be an integer, got "x"\n$/,
  );
  assert.deepEqual([host.state(), container.state()], before);
  assert.equal(fails(`add bad ${netns}`), message);
  assert.deepEqual(container.links(), ["eth0", "lo"], "as in the reference");
  assert.deepEqual(cached(), []);
  const error = JSON.parse(fails(`add bad ${netns} --json`));
  assert.equal(error.code, 999);
  assert.match(error.msg, /^plugin type="ptp" failed \(add\): .*eth0/);
  assert.match(fails(`del bad ${netns}`), /^Error: plugin type="bridge" failed \(delete\): /);
  assert.deepEqual([host.state(), container.state()], before);

  network("missing", [{ ...bridge, type: "ptp" }, { type: "nonesuch" }]);
  assert.match(
    fails(`add missing ${netns}`),
    /failed to find plugin "nonesuch" in path \[\/run\/bin\]\n$/,
  );
  assert.deepEqual(container.links(), ["lo"], "nothing was begun");
});

bothWays("gc", (box, { network, ok, call, cached }) => {
  const { host, addNamespace, container } = box;
  network("web", [bridge, portmap]);
  network("off", [{ ...bridge, bridge: "br9" }], { disableGC: true });
  const other = addNamespace("c2");
  ok(`add web ${netns} --container-id c1`);
  ok(`add web ${other.netns} --container-id c2`);
  ok(`add off ${netns} --container-id c1 -i eth9`);
  // What no runtime knows of any more: only the plugin's own GC can find it.
  host.sh("mv /var/lib/cni/results/web-c2-eth0 /run/kept");
  assert.equal(ok("gc web --dry-run --valid c2/eth0"), "would delete c1/eth0\n");
  assert.deepEqual(cached(), ["off-c1-eth9", "web-c1-eth0"]);
  ok("gc web --valid c2/eth0");
  assert.deepEqual(cached(), ["off-c1-eth9"]);
  assert.deepEqual(container.links(), ["eth9", "lo"]);
  assert.deepEqual(other.links(), ["eth0", "lo"]);
  assert.deepEqual(box.reserved("web"), ["10.1.2.3"]);
  ok("gc web --valid=");
  assert.deepEqual(box.reserved("web"), [], "host-local's own GC");
  host.sh("mv /run/kept /var/lib/cni/results/web-c2-eth0");
  assert.match(
    call(`gc web ${netns}`).stderr,
    /^Warning: no --valid given: deleting all 1 attachments of web\n/,
  );
  assert.deepEqual(other.links(), ["lo"]);
  ok("gc off");
  assert.deepEqual(cached(), ["off-c1-eth9"]);
});

bothWays("status", (_box, { network, ok, fails }) => {
  network("web", [bridge, portmap]);
  assert.equal(ok("status web"), "");
  assert.equal(ok(`status web ${netns}`), "");
  network("full", [{ ...bridge, ipam: { type: "host-local" } }]);
  assert.match(fails("status full"), /^Error: .+\n$/);
  network("older", [{ ...bridge, ipam: { type: "host-local" } }], { cniVersion: "1.0.0" });
  ok("status older");
});

bothWays("a namespace that is not there yet", (box, { network, ok, fails }) => {
  const { host } = box;
  network("web", [{ type: "loopback" }]);
  network("bad", [{ type: "bridge", mtu: "x" }]);
  assert.match(fails("add web /run/netns/new"), /Statfs "?\/run\/netns\/new/);
  fails("add bad /run/netns/new --create-netns");
  assert.equal(host.sh("ls /run/netns"), "c1\n");
  ok("add web /run/netns/new --create-netns");
  assert.match(host.sh("ip -n new link show lo"), /UP/);
  ok("add web /run/deep/er/new --create-netns");
  ok("del web /run/netns/new");
  host.sh("ip netns del new");
});

bothWays("older forms of config, and a broken one beside them", (box, { ok, network }) => {
  const { host } = box;
  const single = { cniVersion: "0.3.1", name: "single", ...bridge, capabilities: { mac: true } };
  writeFileSync(host.file("/run/net.d/00-broken.conflist"), '{"name": "bro');
  writeFileSync(host.file("/run/net.d/10-single.conf"), JSON.stringify(single));
  const result = JSON.parse(ok(`add single ${netns}`, { CAP_ARGS: '{"mac":"02:00:00:00:00:07"}' }));
  assert.equal(result.cniVersion, "0.3.1");
  assert.equal(box.container.link("eth0").address, "02:00:00:00:00:07");
  ok(`del single ${netns}`);
  network("folder", []);
  writeFileSync(host.file("/run/net.d/folder.conflist"), '{"cniVersion":"1.0.0","name":"folder"}');
  host.sh("mkdir /run/net.d/folder");
  writeFileSync(host.file("/run/net.d/folder/1.conf"), JSON.stringify(bridge));
  ok(`add folder ${netns} --cache-dir /run/cache`);
  assert.equal(host.sh("ls /run/cache/results"), `folder-${id}-eth0\n`);
  ok(`del folder ${netns} --cache-dir /run/cache`);
  assert.equal(host.sh("ls /run/cache/results"), "");
});

onlyOurs(
  "a plugin that hangs is killed, built-in ones too run on their own then",
  "it has no cnitool",
  (box) => {
    ways["in one process"](box);
    const { network, call, ok } = tool(box);
    const script = "#!/bin/sh\n[ $CNI_COMMAND != ADD ] || exec sleep 60\n";
    writeFileSync(box.host.file("/run/bin/slow"), script, { mode: 0o755 });
    network("slow", [bridge, { type: "slow" }]);
    const began = Date.now();
    const done = call(`add slow ${netns} --timeout 4s --rollback`);
    assert.ok(Date.now() - began < 50_000);
    assert.match(
      done.stderr,
      /Error: plugin type="slow" failed \(add\): .*signal: killed \(its time was up\)\n$/,
    );
    assert.deepEqual(box.container.links(), ["lo"]);
    network("fine", [bridge]);
    ok(`add fine ${netns} --timeout 20`);
    box.host.sh("rm /run/bin/bridge");
    ok(`del fine ${netns} --timeout 20`);
    assert.deepEqual(box.container.links(), ["lo"]);
  },
);
