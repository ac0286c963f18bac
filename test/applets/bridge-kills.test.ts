/**
 * bridge ADD killed at its system calls: DEL and GC leave what was before.
 *
 * It is killed before and after each call that changes something. In between nothing happens, so
 * that a kill there would leave the same.
 */
import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import { fullBridge } from "../harness/configs.ts";
import { disturb, type Place, prepareFaults } from "../harness/faults.ts";
import { onlyOurs } from "../harness/sandbox.ts";

/** Whether a call may change what others see. */
function changes({ call, text }: Place): boolean {
  if (/^open(at)?$/.test(call)) return text.includes("O_CREAT");
  return /^(send|write|link|unlink|rename|symlink|utimensat|mkdir|flock|fchmod|ftruncate)/.test(
    call,
  );
}

onlyOurs(
  "bridge ADD killed between its system calls",
  "its GC does nothing",
  { timeout: 300_000 },
  (box) => {
    const { places, picture, before } = prepareFaults(box, fullBridge);
    const { cni, host } = box;
    const chosen = places.filter((place, i) => {
      const previous = places[i - 1];
      return !previous || changes(place) || changes(previous);
    });
    const left: string[] = [];
    let reached = 0;
    for (const place of chosen) {
      const done = cni.invoke("ADD", fullBridge, { prefix: disturb(place, "signal=KILL") });
      // Waiting for the link takes more or fewer calls from run to run.
      if (done.signal === "SIGKILL") reached++;
      else assert.equal(done.status, 0, `${place.text}: ${done.stdout}${done.stderr}`);
      cni.del(fullBridge);
      cni.gc(fullBridge, []);
      if (!isDeepStrictEqual(picture(), before)) left.push(place.text);
    }
    assert.deepEqual(left, []);
    assert(reached > chosen.length * 0.9, `${reached} of ${chosen.length} calls were reached`);
    cni.attach(fullBridge).del();
    assert.deepEqual(host.state(), before[0], "the next writer has used up the scratch file");
  },
);
