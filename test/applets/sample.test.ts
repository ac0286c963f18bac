/** sample: the plugin to copy from does what it says, and undoes it. */
import assert from "node:assert/strict";
import { gatewayBridge, hostLocal, v4, v6 } from "../harness/configs.ts";
import { onlyOurs, type Sandbox, versions } from "../harness/sandbox.ts";

const why = "its sample plugin does nothing";
const subnets = ["192.0.2.9/24", "2001:db8:5::/48"];
const config = { type: "sample", subnets };
const barred = ({ container }: Sandbox) =>
  ["", "-6"].flatMap((family) =>
    container
      .json(`ip -j ${family} route show type unreachable`)
      .map(({ dst }: { dst: string }) => dst),
  );

for (const cniVersion of versions.all) {
  onlyOurs(`sample bars subnets, tells, and lets go of them [${cniVersion}]`, why, (box) => {
    const { container, cni } = box;
    const prevResult = cni.add({ ...gatewayBridge(v4, v6), cniVersion });
    const before = container.state();
    const call = { prevResult };
    const result = cni.add({ ...config, cniVersion }, call);
    assert.deepEqual(result, prevResult);
    assert.deepEqual(barred(box), ["192.0.2.0/24", "2001:db8:5::/48"]);
    const ping = container.run(["ping", "-c1", "-W1", "192.0.2.2"]);
    assert.match(`${ping.stdout}${ping.stderr}`, /unreachable|No route to host/);
    if (versions.with("CHECK").includes(cniVersion)) {
      cni.check({ ...config, cniVersion }, call);
      container.sh("ip -6 route del unreachable 2001:db8:5::/48");
      assert.throws(
        () => cni.check({ ...config, cniVersion }, call),
        /2001:db8:5::\/48 can be reached/,
      );
    }
    cni.del({ ...config, cniVersion }, call);
    cni.del({ ...config, cniVersion }, call);
    assert.deepEqual(container.state(), before);
    cni.del({ ...config, cniVersion }, { container: "" });
  });
}

onlyOurs("sample refuses what it cannot work with, and undoes what it began", why, (box) => {
  const { container, cni } = box;
  const prevResult = cni.add({ type: "bridge", ipam: hostLocal(v4) });
  assert.throws(() => cni.add(config), /sample must be behind another plugin in the list/);
  assert.deepEqual(cni.add({ type: "sample" }, { prevResult }), prevResult);
  assert.throws(
    () => cni.add({ ...config, subnets: ["192.0.2.0"] }, { prevResult }),
    /"subnets": "192\.0\.2\.0" is not one like 192\.0\.2\.0\/24/,
  );
  cni.del({ ...config, subnets: ["192.0.2.0"] }, { prevResult });
  container.sh("ip route add unreachable 198.51.100.0/24");
  const before = container.state();
  const clash = { ...config, subnets: [...subnets, "198.51.100.0/24"] };
  assert.throws(() => cni.add(clash, { prevResult }), /Cannot add route 198\.51\.100\.0\/24/);
  assert.deepEqual(container.state(), before);
});
