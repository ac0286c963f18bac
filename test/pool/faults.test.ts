/** Disks that are full or read-only, each in a mount namespace of its own. */
import { spawnSync } from "node:child_process";
import t from "tap";

/** Runs TypeScript with `net` on a file system at /mnt that is mounted with these options. */
function on(options: string, code: string): unknown {
  const script = `
    import { execFileSync } from "node:child_process";
    import { Network } from "./test/pool/network.ts";
    const net = new Network("/mnt/networks");
    const said = [];
    const attempt = (work) => {
      try { work(); said.push("done"); } catch (error) { said.push(error.message); }
    };
    ${code}
    console.log(JSON.stringify({ said, leases: net.leases(), warnings: net.warnings }));`;
  const shell = `mount -t tmpfs -o ${options} tmpfs /mnt && exec npx tsx --input-type=module -e "$0"`;
  const done = spawnSync("unshare", ["--mount", "sh", "-c", shell, script], { encoding: "utf8" });
  if (done.status !== 0) throw new Error(done.stderr);
  return JSON.parse(done.stdout);
}

t.test("no room: the ADD fails, says where, and leaves no lease", (t) => {
  t.match(
    on(
      "size=64k",
      `net.add("a");
       execFileSync("sh", ["-c", "cat /dev/zero >/mnt/filler 2>/dev/null || true"]);
       attempt(() => net.add("b"));
       attempt(() => net.del("a"));
       execFileSync("rm", ["/mnt/filler"]);
       attempt(() => net.add("b"));`,
    ),
    {
      said: [
        "failed to allocate for range 0: Cannot write /mnt/networks/net1/10.1.2.3: " +
          "ENOSPC: no space left on device, write",
        "done",
        "done",
      ],
      leases: { "10.1.2.3": "b\r\neth0" },
      warnings: [],
    },
  );
  t.end();
});

t.test("no room for the second file of an ADD: the first one goes", (t) => {
  // One page for data: the lease has it, last_reserved_ip does not.
  t.match(
    on(
      "size=4k",
      `attempt(() => net.add("a"));
       said.push(String(net.holds("a")));`,
    ),
    {
      said: [
        /^failed to allocate for range 0: Cannot write .*\/last_reserved_ip.0: ENOSPC/,
        "false",
      ],
      leases: {},
    },
  );
  t.end();
});

t.test("no room for the index: the ADD succeeds", (t) => {
  t.match(
    on(
      "nr_inodes=6",
      `attempt(() => net.add("a"));
       said.push(String(net.holds("a")), String(net.isSealed()));
       attempt(() => net.add("a"));`,
    ),
    {
      said: ["done", "true", "false", /duplicate allocation/],
      leases: { "10.1.2.2": "a\r\neth0" },
    },
  );
  t.end();
});

t.test("read-only: every call says what it could not do and where", (t) => {
  t.match(
    on(
      "size=1m",
      `net.add("a");
       execFileSync("mount", ["-o", "remount,ro", "/mnt"]);
       attempt(() => net.add("b"));
       attempt(() => net.del("a"));
       attempt(() => net.del("unknown"));
       attempt(() => net.gc());
       said.push(String(net.holds("a")));`,
    ),
    {
      said: [
        /^failed to allocate for range 0: Cannot write \/mnt\/networks\/net1\/10.1.2.3: EROFS/,
        /^Cannot remove \/mnt\/networks\/net1\/10.1.2.2: EROFS/,
        "done",
        /^Cannot remove \/mnt\/networks\/net1\/10.1.2.2: EROFS/,
        "true",
      ],
      leases: { "10.1.2.2": "a\r\neth0" },
    },
  );
  t.end();
});

t.test("a directory that cannot be made", (t) => {
  t.match(
    on(
      "size=1m,ro",
      `attempt(() => net.add("a"));
       attempt(() => net.del("a"));
       attempt(() => net.gc());
       said.push(String(net.holds("a")), String(net.exhausted()));`,
    ),
    {
      said: [/^Cannot make directory \/mnt\/networks.*EROFS/, "done", "done", "false", "undefined"],
      leases: {},
    },
  );
  t.end();
});

t.test("a lock that cannot be taken is told", (t) => {
  t.match(
    on(
      "size=1m",
      `execFileSync("mkdir", ["-p", "/mnt/networks/net1/lock"]);
       for (const call of ["add", "del", "holds", "gc"]) attempt(() => net[call]("a"));
       attempt(() => net.exhausted());`,
    ),
    { said: Array(5).fill(/^Cannot lock \/mnt\/networks\/net1\/lock.*EISDIR/), leases: {} },
  );
  t.end();
});
