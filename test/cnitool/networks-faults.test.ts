/** How many processes there are, and what is left when a system call fails. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { disturb, mayStay, placesIn, withoutScratch } from "../harness/faults.ts";
import { onlyOurs } from "../harness/sandbox.ts";
import { executable } from "../main/program.ts";
import { bridge, netns, portmap, tool, ways } from "./support.ts";

const env = { CNI_PATH: "/run/bin", NETCONFPATH: "/run/net.d" };

onlyOurs(
  "one process is one process, and a process each is one for each",
  "it has no cnitool",
  (box) => {
    const strace = ["strace", "-f", "-qq", "-e", "trace=execve", "-o", "/run/trace"];
    const execs = () =>
      ["add", "del"].map((verb) => {
        const argv = [...strace, executable, "cnitool", verb, "web", netns];
        const { status, stderr } = box.host.run(argv, { env });
        assert.equal(status, 0, stderr);
        return readFileSync(box.host.file("/run/trace"), "utf8").split("execve(").length - 1;
      });
    ways["in one process"](box);
    tool(box).network("web", [bridge, portmap]);
    assert.deepEqual(execs(), [1, 1]);
    box.host.sh("rm -r /run/bin");
    ways["in a process each"](box);
    // A script and the executable for each: bridge, host-local, portmap.
    assert.deepEqual(execs(), [7, 7]);
    box.host.sh("rm -r /run/bin; mkdir /run/bin");
    assert.deepEqual(execs(), [1, 1], "the built-in plugins need no path at all");
  },
);

onlyOurs(
  "an add with rollback leaves nothing, whichever system call fails",
  "it has no cnitool",
  (box) => {
    const { host, container } = box;
    ways["in one process"](box);
    const { network, ok } = tool(box);
    network("lo", [{ type: "loopback" }, { type: "loopback", name: "again" }]);
    const add = (prefix: string[]) =>
      host.run([...prefix, executable, "cnitool", "add", "lo", netns, "--rollback", "--json"], {
        env,
      });
    ok(`add lo ${netns}`);
    ok(`del lo ${netns}`); // folders stay
    const picture = () => [host.state(), container.state()].map(withoutScratch);
    const before = picture();

    assert.equal(add(["strace", "-f", "-qq", "-s", "24", "-o", "/var/trace"]).status, 0);
    const trace = host.sh("cat /var/trace; rm /var/trace");
    const places = placesIn(trace, (_call, args) => args.includes("/run/net.d"));
    ok(`del lo ${netns}`);
    assert.ok(places.length > 40, `only ${places.length} calls traced`);

    const wrong: string[] = [];
    let failed = 0;
    for (const place of places) {
      const done = add(disturb(place, "error=EIO"));
      const complain = (what: string) =>
        wrong.push(`${place.text}: ${what}; exit ${done.status ?? done.signal}, ${done.stdout}`);
      if (done.status === 0) {
        if (!/"127\.0\.0\.1\/8"/.test(done.stdout)) complain("success without a result");
      } else {
        failed++;
        // Not back from another namespace, it stops at once.
        const stopped = place.call === "setns" && done.signal === "SIGABRT";
        const told = /"msg": "./.test(done.stdout) || /^write\(1,/.test(place.text);
        if (!told && !stopped) complain("no error");
        if (!mayStay(place) && !isDeepStrictEqual(picture(), before)) complain("something stays");
      }
      ok(`del lo ${netns}`);
      if (!isDeepStrictEqual(picture(), before)) complain("something stays after del");
    }
    assert.deepEqual(wrong, []);
    assert.ok(failed > 20, `only ${failed} of ${places.length} calls matter`);
  },
);
