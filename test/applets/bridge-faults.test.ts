/**
 * bridge ADD disturbed at each of its system calls.
 *
 * A call that fails: ADD says so in one JSON object and leaves what was before, or succeeds because
 * the call does not matter. A process that is killed: DEL and GC leave what was before.
 */
import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import { gatewayBridge } from "../harness/configs.ts";
import { disturb, type Place, placesOfAdd } from "../harness/faults.ts";
import { errorOf } from "../harness/plugins.ts";
import type { Outcome } from "../harness/processes.ts";
import { onlyOurs, type Sandbox } from "../harness/sandbox.ts";
import type { State } from "../harness/state.ts";

const config = {
  ...gatewayBridge("10.1.2.0/24", "2001:db8:42::/64"),
  ipMasq: true,
  macspoofchk: true,
};
const why = "a failed ADD leaves links and rules, and GC does nothing";
const patience = { timeout: 300_000 };

/** What stood before, with the calls to disturb: the parts that outlive attachments exist already. */
function prepare({ host, container, cni, stateWithout }: Sandbox) {
  stateWithout(config);
  const places = placesOfAdd(host, cni, config, {});
  cni.del(config);
  assert(places.length > 20, `only ${places.length} calls traced`);
  const picture = () => [host.state(), container.state()].map(withoutScratch);
  return { places, picture, before: picture() };
}

/**
 * A file is written beside its place and then renamed. The one scratch file that a directory has
 * outlives a kill; the next writer uses it up.
 */
function withoutScratch(state: State): State {
  const files = Object.entries(state.files).filter(([path]) => !path.endsWith("/.cnibox-tmp"));
  return { ...state, files: Object.fromEntries(files) };
}

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

onlyOurs("bridge ADD with each system call failing", why, patience, (box) => {
  const { places, picture, before: start } = prepare(box);
  let before = start;
  const { cni } = box;
  const wrong: string[] = [];
  for (const place of places) {
    const done = cni.invoke("ADD", config, { prefix: disturb(place, "error=EIO") });
    const complain = (what: string) =>
      wrong.push(`${place.text}: ${what}; exit ${done.status ?? done.signal}, ${done.stdout}`);
    if (done.status === 0) {
      if (!JSON.parse(done.stdout).ips) complain("success without a result");
    } else if (!saysWhy(place, done)) complain("no error object");
    else if (!mayStay(place) && !isDeepStrictEqual(picture(), before)) complain("something stays");
    cni.del(config);
    const after = picture();
    if (!isDeepStrictEqual(after, before)) complain("something stays after DEL");
    before = after; // so that what stays is told once
  }
  assert.deepEqual(wrong, []);
});

onlyOurs("bridge ADD killed at each system call", why, patience, (box) => {
  const { places, picture, before } = prepare(box);
  const { cni } = box;
  const left: string[] = [];
  let reached = 0;
  for (const place of places) {
    const done = cni.invoke("ADD", config, { prefix: disturb(place, "signal=KILL") });
    // Waiting for the link takes more or fewer calls from run to run.
    if (done.signal === "SIGKILL") reached++;
    else assert.equal(done.status, 0, `${place.text}: ${done.stdout}${done.stderr}`);
    cni.del(config);
    cni.gc(config, []);
    if (!isDeepStrictEqual(picture(), before)) left.push(place.text);
  }
  assert.deepEqual(left, []);
  assert(reached > places.length * 0.9, `${reached} of ${places.length} calls were reached`);
  cni.attach(config).del();
  assert.deepEqual(box.host.state(), before[0], "the next writer has used up the scratch file");
});
