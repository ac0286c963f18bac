/**
 * bridge ADD with each of its system calls failing: it says so in one JSON object and leaves what was
 * before, or succeeds because the call does not matter. (`bridge-kills.test.ts` kills it instead.)
 */
import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import { fullBridge } from "../harness/configs.ts";
import { disturb, type Place, prepareFaults } from "../harness/faults.ts";
import { errorOf } from "../harness/plugins.ts";
import type { Outcome } from "../harness/processes.ts";
import { onlyOurs } from "../harness/sandbox.ts";

/** Whether a failed ADD told of it, where it could. */
function saysWhy({ call, text }: Place, done: Outcome): boolean {
  if (/^write\(1,/.test(text)) return true; // stdout itself is what failed
  // Not back from another namespace: it stops at once, so that nothing is done in the wrong one.
  if (call === "setns" && done.signal === "SIGABRT") return true;
  try {
    return errorOf(done).msg !== "";
  } catch {
    return false;
  }
}

/**
 * Whether something may stay until the DEL that must follow a failed ADD. A reply that does not
 * arrive tells nothing of the request: the kernel may have done it. (Before it receives, the addon
 * asks by getsockopt what kind of socket it is.)
 */
function mayStay({ call }: Place): boolean {
  return /^(recv|getsockopt|setns)/.test(call);
}

const why = "a failed ADD leaves links and rules";

onlyOurs("bridge ADD with each system call failing", why, { timeout: 300_000 }, (box) => {
  const { places, picture, before: start } = prepareFaults(box, fullBridge);
  let before = start;
  const { cni } = box;
  const wrong: string[] = [];
  for (const place of places) {
    const done = cni.invoke("ADD", fullBridge, { prefix: disturb(place, "error=EIO") });
    const complain = (what: string) =>
      wrong.push(`${place.text}: ${what}; exit ${done.status ?? done.signal}, ${done.stdout}`);
    if (done.status === 0) {
      if (!JSON.parse(done.stdout).ips) complain("success without a result");
    } else if (!saysWhy(place, done)) complain("no error object");
    else if (!mayStay(place) && !isDeepStrictEqual(picture(), before)) complain("something stays");
    cni.del(fullBridge);
    const after = picture();
    if (!isDeepStrictEqual(after, before)) complain("something stays after DEL");
    before = after; // so that what stays is told once
  }
  assert.deepEqual(wrong, []);
});
