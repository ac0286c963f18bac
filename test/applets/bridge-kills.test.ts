/** bridge ADD killed at its system calls: DEL and GC leave what was before. */
import assert from "node:assert/strict";
import { fullBridge } from "../harness/configs.ts";
import { killEach, prepareFaults } from "../harness/faults.ts";
import { onlyOurs } from "../harness/sandbox.ts";

onlyOurs(
  "bridge ADD killed between its system calls",
  "its GC does nothing",
  { timeout: 300_000 },
  (box) => {
    const prepared = prepareFaults(box, fullBridge);
    const { cni, host } = box;
    const cleanUp = () => {
      cni.del(fullBridge);
      cni.gc(fullBridge, []);
    };
    assert.deepEqual(killEach(box, fullBridge, prepared, cleanUp), []);
    cni.attach(fullBridge).del();
    assert.deepEqual(
      host.state(),
      prepared.before[0],
      "the next writer has used up the scratch file",
    );
  },
);
