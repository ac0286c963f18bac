/**
 * bandwidth ADD with each of its system calls failing, and killed at each: it says so in one JSON
 * object and leaves what was before, or succeeds because the call does not matter.
 */
import assert from "node:assert/strict";
import { disturb, failEach, type Place, placesOfAdd } from "../harness/faults.ts";
import type { Sandbox } from "../harness/sandbox.ts";
import { bandwidth, cable, limitedByUs } from "./bandwidth-support.ts";

function prepare(box: Sandbox) {
  const { host, cni } = box;
  const config = { ...bandwidth(), prevResult: cable(box) };
  const before = picture(box);
  const places = placesOfAdd(host, cni, config);
  cni.del(config);
  assert.equal(picture(box), before);
  return { config, places, before };
}

/** What it can leave, told faster than by the whole state. */
const picture = ({ host }: Sandbox) =>
  host.sh("ip -br link; tc qdisc; tc filter show dev v0 parent ffff:");

/** Requests and answers; not what the start of any plugin does. */
const isOurs = ({ call }: Place) => /^(send|recv|socket|openat|write|setns)/.test(call);

limitedByUs(
  "bandwidth ADD with each system call failing",
  "it leaves it all",
  (box) => {
    const { config, places } = prepare(box);
    const chosen = { places: places.filter(isOurs), picture: () => picture(box) };
    assert(chosen.places.length > 20, `${chosen.places.length} calls`);
    assert.deepEqual(failEach(box, config, chosen), []);
  },
  { timeout: 300_000 },
);

limitedByUs(
  "bandwidth ADD killed at each request",
  "it leaves qdiscs",
  (box) => {
    const { config, places, before } = prepare(box);
    const wrong: string[] = [];
    for (const place of places.filter(({ call }) => /^(send|recv)/.test(call))) {
      box.cni.invoke("ADD", config, { prefix: disturb(place, "signal=KILL") });
      box.cni.del(bandwidth({}));
      if (picture(box) !== before) wrong.push(`${place.text}: something stays: ${picture(box)}`);
    }
    assert.deepEqual(wrong, []);
  },
  { timeout: 300_000 },
);
