import { existsSync, mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { Network } from "./network.ts";

const lease = (id: string, ifName = "eth0") => `${id}\r\n${ifName}`;

t.test("one address of each set", (t) => {
  const net = new Network(
    t.testdir({}),
    [{ subnet: "10.1.2.0/24" }, { subnet: "10.2.2.0/24" }],
    "2001:db8:1::/64",
  );
  t.same(net.add("dummy"), ["10.1.2.2/24 10.1.2.1", "2001:db8:1::2/64 2001:db8:1::1"]);
  t.same(net.files(), {
    "10.1.2.2": lease("dummy"),
    "2001:db8:1::2": lease("dummy"),
    "last_reserved_ip.0": "10.1.2.2",
    "last_reserved_ip.1": "2001:db8:1::2",
  });
  const mode = (name: string) => (statSync(join(net.dir, name)).mode & 0o777).toString(8);
  t.same(
    ["10.1.2.2", "last_reserved_ip.0", "lock", ""].map(mode),
    ["600", "600", "750", "755"],
    "the reference's modes",
  );
  t.equal(net.holds("dummy"), true);
  net.del("dummy");
  t.same(net.files(), { "last_reserved_ip.0": "10.1.2.2", "last_reserved_ip.1": "2001:db8:1::2" });
  t.same(net.index(), {});
  t.equal(net.holds("dummy"), false);
  t.same(net.warnings, [], "nothing to tell");
  t.end();
});

t.test("addresses go round", (t) => {
  const net = new Network(t.testdir({}), "10.1.2.0/29");
  for (const host of [2, 3, 4, 5, 6]) {
    t.same(net.add(`c${host}`), [`10.1.2.${host}/29 10.1.2.1`]);
  }
  net.del("c3");
  net.del("c5");
  t.same(net.add("a"), ["10.1.2.3/29 10.1.2.1"]);
  t.same(net.add("b"), ["10.1.2.5/29 10.1.2.1"]);
  net.del("b");
  t.same(net.add("c"), ["10.1.2.5/29 10.1.2.1"], "the last one is tried last");
  t.end();
});

t.test("where to begin that cannot be read is no error", (t) => {
  const net = new Network(t.testdir({}));
  net.put("last_reserved_ip.0", "10.1.2.8\n");
  t.same(net.add("a"), ["10.1.2.2/24 10.1.2.1"]);
  t.same(net.warnings, [], "one with anything else in it is ignored");
  const other = new Network(t.testdir({}));
  mkdirSync(join(other.dir, "last_reserved_ip.0"), { recursive: true });
  t.throws(() => other.add("a"), {
    message: /^failed to allocate for range 0: Cannot write .*last_reserved_ip.0: EISDIR/,
  });
  t.match(other.warnings, [/^Cannot read .*last_reserved_ip.0: EISDIR/]);
  t.same(other.leases(), {}, "no lease without its last_reserved_ip");
  t.end();
});

t.test("an attachment gets one address of a set", (t) => {
  const net = new Network(t.testdir({}));
  net.add("one");
  const again = {
    message:
      "failed to allocate for range 0: " +
      "10.1.2.2 has been allocated to one, duplicate allocation is not allowed",
  };
  t.throws(() => net.add("one"), again);
  t.same(net.add("two"), ["10.1.2.3/24 10.1.2.1"]);
  t.throws(() => net.add("one"), again);
  t.same(net.add("one:eth1"), ["10.1.2.4/24 10.1.2.1"], "another interface is another attachment");
  net.del("one");
  t.same(net.leases(), { "10.1.2.3": lease("two"), "10.1.2.4": lease("one", "eth1") });
  net.del("two");
  net.del("one:eth1");
  t.same(net.leases(), {});
  t.end();
});

t.test("white space around a container id does not count", (t) => {
  const net = new Network(t.testdir({}));
  net.add("  dummy ");
  t.same(net.leases(), { "10.1.2.2": lease("dummy") });
  t.throws(() => net.add("dummy\n"), /duplicate/);
  net.del(" dummy\t");
  t.same(net.leases(), {});
  t.end();
});

t.test("requested addresses", (t) => {
  const net = new Network(
    t.testdir({}),
    [{ subnet: "10.1.2.0/24" }, { subnet: "10.1.3.0/24", rangeEnd: "10.1.3.9" }],
    "2001:db8::/64",
  );
  t.same(net.add("a", { ips: ["2001:db8::99", "10.1.3.7"] }), [
    "10.1.3.7/24 10.1.3.1",
    "2001:db8::99/64 2001:db8::1",
  ]);
  t.equal(net.files()["last_reserved_ip.0"], "10.1.3.7", "they count as last reserved");
  t.same(net.add("b", { ips: ["2001:db8::5"] }), [
    "10.1.3.8/24 10.1.3.1",
    "2001:db8::5/64 2001:db8::1",
  ]);
  const before = net.files();
  for (const [ips, message] of [
    [["10.1.3.10"], "failed to allocate all requested IPs: 10.1.3.10"],
    [["10.9.9.9", "10.1.2.9", "fe80::1"], "failed to allocate all requested IPs: 10.9.9.9 fe80::1"],
    [["10.1.2.8", "10.1.2.9"], "failed to allocate all requested IPs: 10.1.2.9"],
    [["10.1.3.1"], "failed to allocate for range 0: requested ip 10.1.3.1 is subnet's gateway"],
    [
      ["10.1.3.7"],
      "failed to allocate for range 0: requested IP address 10.1.3.7 is not available " +
        "in range set 10.1.2.1-10.1.2.254,10.1.3.1-10.1.3.9",
    ],
    [
      ["2001:db8::5"],
      "failed to allocate for range 1: requested IP address 2001:db8::5 is not available " +
        "in range set 2001:db8::1-2001:db8::ffff:ffff:ffff:ffff",
    ],
  ] as const) {
    t.throws(() => net.add("c", { ips: [...ips] }), { message });
    t.same(net.leases(), leasesOf(before), "a failure leaves no lease");
  }
  t.throws(() => net.add("a", { ips: ["10.1.3.7"] }), /is not available/, "not even its own");
  t.end();
});

function leasesOf(files: Record<string, string>) {
  const all = Object.entries(files);
  return Object.fromEntries(all.filter(([name]) => !name.startsWith("last_reserved_ip.")));
}

t.test("undo gives back what the reservation took, and no more", (t) => {
  const net = new Network(t.testdir({}), "10.1.2.0/24", "2001:db8::/64");
  net.add("a");
  const before = net.leases();
  net.reserve("b").undo();
  t.same(net.leases(), before);
  // The same attachment once more: asked for by number, which the reference allows.
  const more = net.reserve("a", { ips: ["10.1.2.50", "2001:db8::50"] });
  t.equal(Object.keys(net.leases()).length, 4);
  more.undo();
  t.same(net.leases(), before);
  more.undo();
  t.same(net.leases(), before, "twice is fine");
  net.del("a");
  t.same(net.leases(), {}, "the index knows what is left");
  t.end();
});

t.test("exhaustion says how many, where and what helps", (t) => {
  const net = new Network(t.testdir({}), "2001:db8::/64", [
    { subnet: "10.1.2.0/30" },
    { subnet: "10.1.3.0/29", rangeEnd: "10.1.3.3" },
  ]);
  t.equal(net.exhausted(), undefined, "before the first use");
  t.notOk(existsSync(net.dir), "asking makes nothing");
  for (const id of ["a", "b", "c"]) net.add(id);
  const full =
    "no IP addresses available in range set: 10.1.2.1-10.1.2.2,10.1.3.1-10.1.3.3: " +
    `3 of 3 are held by leases in ${net.dir}; a GC call, or DEL for each container that is gone, ` +
    "gives back what no container uses";
  t.throws(() => net.add("d"), { message: `failed to allocate for range 1: ${full}` });
  t.equal(net.exhausted(), full);
  t.equal(Object.keys(net.leases()).length, 6, "nothing of d is left in the other set");
  net.del("b");
  t.equal(net.exhausted(), undefined);
  t.same(net.add("d"), ["2001:db8::6/64 2001:db8::1", "10.1.3.2/29 10.1.3.1"]);
  t.end();
});

t.test("in a full range the free address is found by one reading of the directory", (t) => {
  const net = new Network(t.testdir({}));
  for (let host = 2; host < 255; host++)
    if (host !== 200) net.put(`10.1.2.${host}`, lease(`c${host}`));
  t.same(net.add("a"), ["10.1.2.200/24 10.1.2.1"]);
  t.end();
});

t.test("DEL", (t) => {
  const net = new Network(t.testdir({}));
  net.del("unknown");
  t.notOk(existsSync(net.dir), "makes nothing");
  net.add("a");
  net.del("unknown");
  net.del("a:eth1");
  t.same(net.leases(), { "10.1.2.2": lease("a") });
  t.end();
});

t.test("leases of old versions, which name only the container", (t) => {
  const net = new Network(t.testdir({}));
  net.put("10.1.2.7", "old\n");
  net.put("10.1.2.8", "old");
  t.equal(net.holds("old"), true);
  t.throws(() => net.add("old"), /10.1.2.7 has been allocated to old, duplicate/);
  net.boot = "boot-2";
  t.throws(() => net.add("old"), /duplicate/, "whose interface it was is not known");
  net.put("10.1.2.9", lease("old"));
  net.del("old");
  t.same(net.leases(), { "10.1.2.7": "old\n", "10.1.2.8": "old" }, "its own come first");
  net.del("old:eth5");
  t.same(net.leases(), {});

  net.add("new");
  net.put("10.1.2.2", "new"); // written into, which leaves no trace in the directory
  net.seal();
  t.equal(net.holds("new"), true);
  net.del("new");
  t.same(net.leases(), {}, "a lease that was rewritten in the old form");
  t.end();
});

t.test("GC", (t) => {
  const net = new Network(t.testdir({}), "10.1.2.0/24", "2001:db8::/64");
  net.gc("a");
  t.notOk(existsSync(net.dir), "makes nothing");
  for (const name of ["a", "a:eth1", "b", "c"]) net.add(name);
  net.put("10.1.2.100", "c");
  net.put("10.1.2.101", "gone");
  net.put("10.1.2.102", "");
  net.put("10.1.2.103", "no container's");
  net.put("note", "kept for the printer");
  net.gc("a", "c");
  t.same(net.leases(), {
    "10.1.2.2": lease("a"),
    "2001:db8::2": lease("a"),
    "10.1.2.5": lease("c"),
    "2001:db8::5": lease("c"),
    "10.1.2.100": "c",
    "10.1.2.103": "no container's",
    note: "kept for the printer",
  });
  t.match(net.warnings, [/^Removed the lease .*10.1.2.102: it is empty, so nobody holds/]);
  t.same(Object.keys(net.index()), [".a:eth0", ".c:", ".c:eth0"]);
  net.gc();
  t.same(Object.keys(net.leases()), ["10.1.2.103", "note"]);
  t.end();
});

t.test("after a reboot an attachment gets its address again", (t) => {
  const net = new Network(t.testdir({}), "10.1.2.0/24", "2001:db8::/64");
  const first = net.add("a", { ips: ["10.1.2.77"] });
  t.throws(() => net.add("a"), /10.1.2.77 has been allocated to a, duplicate/);
  net.add("b");
  net.boot = "boot-2";
  t.same(net.add("a"), first);
  t.throws(() => net.add("a"), /duplicate/, "once: now it is of this boot");
  t.same(net.leases(), {
    "10.1.2.77": lease("a"),
    "2001:db8::2": lease("a"),
    "10.1.2.78": lease("b"),
    "2001:db8::3": lease("b"),
  });
  t.same(net.add("b", { ips: ["10.1.2.78"] }), [
    "10.1.2.78/24 10.1.2.1",
    "2001:db8::3/64 2001:db8::1",
  ]);
  net.boot = "";
  t.throws(() => net.add("b"), /duplicate/, "a boot that is not known may be the same");
  net.boot = "boot-3";
  const again = net.reserve("a");
  again.undo();
  t.equal(net.leases()["10.1.2.77"], lease("a"), "what it held before, it keeps");
  t.end();
});

t.test("reuse: always the same address again", (t) => {
  const net = new Network(t.testdir({}));
  const first = net.add("a", { reuse: true });
  t.same(net.add("a", { reuse: true }), first);
  t.same(net.add("a", { reuse: true, ips: ["10.1.2.2"] }), first);
  t.throws(() => net.add("b", { reuse: true, ips: ["10.1.2.2"] }), /is not available/);
  t.same(net.leases(), { "10.1.2.2": lease("a") });
  t.end();
});
