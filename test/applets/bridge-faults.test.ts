/**
 * bridge ADD with each of its system calls failing: it says so in one JSON object and leaves what was
 * before, or succeeds because the call does not matter. (`bridge-kills.test.ts` kills it instead.)
 */
import assert from "node:assert/strict";
import { fullBridge } from "../harness/configs.ts";
import { failEach, prepareFaults } from "../harness/faults.ts";
import { onlyOurs } from "../harness/sandbox.ts";

const why = "a failed ADD leaves links and rules";

onlyOurs("bridge ADD with each system call failing", why, { timeout: 300_000 }, (box) => {
  assert.deepEqual(failEach(box, fullBridge, prepareFaults(box, fullBridge)), []);
});
