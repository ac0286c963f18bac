/**
 * tuning ADD with each of its system calls failing, and killed at each: it says so in one JSON object
 * and leaves what was before, or succeeds because the call does not matter.
 */
import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import { disturb, failEach, prepareFaults } from "../harness/faults.ts";
import { onlyOurs, type Sandbox } from "../harness/sandbox.ts";
import { cable, prevResult, settings, tuning } from "./tuning-support.ts";

const config = {
  ...tuning({
    ...{ mac: "02:00:00:00:00:77", mtu: 1400, promisc: true, allmulti: true, txQLen: 50 },
    sysctl: { "net.core.somaxconn": "500", "net.ipv4.conf.IFNAME.arp_notify": "1" },
  }),
  prevResult: prevResult(),
};
const sysctls = ["net/core/somaxconn", "net/ipv4/conf/eth0/arp_notify"];

/** Prepares; DEL does not set sysctls back, so what they are is told only where ADD failed. */
function prepare(box: Sandbox) {
  const { host, container } = box;
  cable(host);
  container.sh("echo 500 >/proc/sys/net/core/somaxconn");
  const other = box.addNamespace("before");
  cable(host, "before", "eth0", "v1");
  box.cni.attach(config, { container: other, containerId: "before" }).del();
  box.removeNamespace("before");
  const faults = prepareFaults({ ...box, stateWithout: () => host.state() }, config);
  const picture = () => [...faults.picture(), settings(container)];
  return { places: faults.places, picture };
}

const why = "a failed ADD leaves what it has changed";

onlyOurs("tuning ADD with each system call failing", why, { timeout: 300_000 }, (box) => {
  assert.deepEqual(failEach(box, config, prepare(box)), []);
});

onlyOurs("tuning ADD sets sysctls back whatever fails", why, { timeout: 300_000 }, (box) => {
  const { container, cni } = box;
  const { places } = prepare(box);
  const values = () => sysctls.map((key) => container.sysctl(key));
  const reset = () => container.sh(sysctls.map((key) => `echo 0 >/proc/sys/${key}`).join("\n"));
  reset();
  const before = values();
  const wrong: string[] = [];
  for (const place of places) {
    const done = cni.invoke("ADD", config, { prefix: disturb(place, "error=EIO") });
    // What cannot be read first cannot be set back.
    if (done.status !== 0 && !isDeepStrictEqual(values(), before)) wrong.push(place.text);
    cni.del(config);
    reset();
  }
  assert.deepEqual(
    wrong.filter((text) => !/^(setns|write\(1,)/.test(text)),
    [],
  );
});

onlyOurs("tuning ADD killed at each system call", why, { timeout: 300_000 }, (box) => {
  const { places, picture } = prepare(box);
  const before = picture();
  const wrong: string[] = [];
  for (const place of places) {
    box.cni.invoke("ADD", config, { prefix: disturb(place, "signal=KILL") });
    box.cni.del({ type: "tuning" });
    if (!isDeepStrictEqual(picture(), before)) {
      wrong.push(`${place.text}: something stays`);
    }
  }
  assert.deepEqual(wrong, []);
});
