/**
 * bridge ADD disturbed at each of its system calls.
 *
 * A call that fails: ADD says so in one JSON object and leaves what was before, or succeeds because
 * the call does not matter. A process that is killed: DEL and GC leave what was before.
 */
import assert from "node:assert/strict";
import { gatewayBridge } from "../harness/configs.ts";
import { disturb, type Place, placesOfAdd } from "../harness/faults.ts";
import { errorOf } from "../harness/plugins.ts";
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

/**
 * A reply that does not arrive tells nothing of the request: the kernel may have done it. Only then
 * may something stay until the DEL that must follow a failed ADD. (Before it receives, the addon asks
 * by getsockopt what kind of socket it is.)
 */
const isReply = ({ call }: Place) => /^(recv|getsockopt)/.test(call);

onlyOurs("bridge ADD with each system call failing", why, patience, (box) => {
  const { places, picture, before } = prepare(box);
  const { cni } = box;
  for (const place of places) {
    const done = cni.invoke("ADD", config, { prefix: disturb(place, "error=EIO") });
    const at = `${place.text}: exit ${done.status}, ${done.stdout}${done.stderr}`;
    if (done.status === 0) assert(JSON.parse(done.stdout).ips, at);
    else if (place.call === "setns" && done.signal === "SIGABRT") {
      // Back from another namespace it did not come: nothing may be done in the wrong one.
    } else {
      const unsaid = /^write\(1,/.test(place.text); // stdout itself was what failed
      if (!unsaid) assert(errorOf(done).msg, at);
      if (!isReply(place)) assert.deepEqual(picture(), before, at);
    }
    cni.del(config);
    assert.deepEqual(picture(), before, `after DEL; ${at}`);
  }
});

onlyOurs("bridge ADD killed at each system call", why, patience, (box) => {
  const { places, picture, before } = prepare(box);
  const { cni } = box;
  for (const place of places) {
    const done = cni.invoke("ADD", config, { prefix: disturb(place, "signal=KILL") });
    assert.equal(done.signal ?? done.status, "SIGKILL", `${place.text} was reached`);
    cni.del(config);
    cni.gc(config, []);
    assert.deepEqual(picture(), before, place.text);
  }
  cni.attach(config).del();
  assert.deepEqual(box.host.state(), before[0], "the next writer has used up the scratch file");
});
