/** The index beside the leases: what it says, what it saves, and when it is not believed. */
import t from "tap";
import { sys } from "../../src/sys/sys.ts";
import { Network } from "./network.ts";

/** The calls of the addon that `work` makes, by name. */
function calls(work: () => unknown): Record<string, number> {
  const counted: Record<string, number> = {};
  const original = { ...sys };
  for (const [name, value] of Object.entries(original)) {
    if (typeof value !== "function" || /Utf8$/.test(name)) continue;
    const call = value as (...args: unknown[]) => unknown;
    Object.assign(sys, {
      [name]: (...args: unknown[]) => {
        counted[name] = (counted[name] ?? 0) + 1;
        return call(...args);
      },
    });
  }
  try {
    work();
  } finally {
    Object.assign(sys, original);
  }
  return counted;
}

/** A network with this many leases of other containers, as Go would have left them. */
function crowded(dataDir: string, count: number): Network {
  const net = new Network(dataDir, "10.1.0.0/16");
  for (let i = 0; i < count; i++) {
    net.put(`10.1.${(i + 2) >> 8}.${(i + 2) & 255}`, `crowd-${i}\r\neth0`);
  }
  net.put("last_reserved_ip.0", `10.1.${(count + 1) >> 8}.${(count + 1) & 255}`);
  return net;
}

t.test("what the index says", (t) => {
  const net = new Network(t.testdir({}), "10.1.2.0/24", "2001:db8::/64");
  net.add("a");
  net.add("b:net1");
  t.same(net.index(), {
    ".a:eth0": "boot-1/10.1.2.2/2001:db8::2",
    ".b:net1": "boot-1/10.1.2.3/2001:db8::3",
  });
  t.equal(net.isSealed(), true);
  net.del("a");
  t.same(Object.keys(net.index()), [".b:net1"]);
  t.equal(net.isSealed(), true);
  net.go("ADD", "c");
  t.equal(net.isSealed(), false, "Go's ADD breaks the seal");
  net.boot = "boot-2";
  net.del("b:net1");
  t.same(net.index(), { ".c:eth0": "boot-2/10.1.2.4/2001:db8::4" }, "first seen in this boot");
  t.equal(net.isSealed(), true);
  net.go("DEL", "c");
  t.equal(net.isSealed(), false, "Go's DEL breaks the seal");
  net.del("unknown");
  t.same(net.index(), {});
  t.end();
});

t.test("the cost of a call does not grow with the leases", (t) => {
  const cost = (count: number) => {
    const net = crowded(t.testdir({}), count);
    net.del("first-look");
    t.equal(net.isSealed(), true);
    return {
      add: calls(() => net.add("a")),
      check: calls(() => net.holds("a")),
      duplicate: calls(() => t.throws(() => net.add("a"), /duplicate/)),
      del: calls(() => net.del("a")),
      "del of an unknown": calls(() => net.del("a")),
    };
  };
  const one = cost(1);
  t.same(cost(300), one);
  t.comment(JSON.stringify(one));
  for (const [name, counted] of Object.entries(one)) {
    t.notOk(counted.readdir, `${name} reads no directory`);
    const sum = Object.values(counted).reduce((a, b) => a + b, 0);
    t.ok(sum <= 40, `${name} makes ${sum} calls`);
  }
  t.end();
});

t.test("a candidate that is taken costs one reading of the directory at most", (t) => {
  const net = crowded(t.testdir({}), 300);
  net.put("last_reserved_ip.0", "10.1.0.5");
  net.del("first-look");
  const counted = calls(() => net.add("a"));
  t.equal(counted.readdir, 1);
  t.ok((counted.open ?? 0) < 10, "and opens no lease");
  t.end();
});

t.test("after Go was there the leases are opened once", (t) => {
  const net = crowded(t.testdir({}), 100);
  net.add("a");
  net.go("ADD", "b");
  t.ok((calls(() => net.add("c")).open ?? 0) > 100);
  t.ok((calls(() => net.add("d")).open ?? 0) < 10);
  t.end();
});

t.test("an index that is wrong is not believed", (t) => {
  for (const [what, spoil] of Object.entries({
    "an entry is lost": (net: Network) => net.drop(".a:eth0"),
    "a lease is lost": (net: Network) => net.drop("10.1.2.2"),
    "all entries are lost": (net: Network) => {
      for (const name of Object.keys(net.index())) net.drop(name);
    },
    "a lease is written into, which does not break the seal": (net: Network) => {
      net.put("10.1.2.2", "");
    },
  })) {
    const net = new Network(t.testdir({}));
    net.add("a");
    net.add("b");
    spoil(net);
    t.equal(net.holds("a"), Object.values(net.leases()).includes("a\r\neth0"), what);
    net.del("b");
    t.notOk(Object.values(net.leases()).includes("b\r\neth0"), what);
    net.del("a");
    t.same(net.leases(), {}, what);
    t.same(net.index(), {}, what);
  }
  t.end();
});

t.test("a process that is killed leaves a directory that the next one repairs", (t) => {
  const deed = (net: Network) => {
    net.add("b");
    net.del("a");
  };
  const changes = [
    "open",
    "write",
    "fsync",
    "link",
    "unlink",
    "symlink",
    "rename",
    "utimes",
  ] as const;
  const fresh = () => {
    const net = new Network(t.testdir({}));
    net.add("a");
    return net;
  };
  const unharmed = fresh();
  const total = Object.entries(calls(() => deed(unharmed)))
    .filter(([name]) => (changes as readonly string[]).includes(name))
    .reduce((sum, [, count]) => sum + count, 0);
  let killedAt = 0;
  for (let nth = 1; nth <= total; nth++) {
    const net = fresh();
    let left = nth;
    const original = { ...sys };
    const die = () => {
      // What would clean up does not run in a killed process: it can change nothing here, either.
      if (left <= 0 || --left === 0) throw new Error("killed");
    };
    for (const name of changes) {
      const call = original[name] as (...args: unknown[]) => unknown;
      Object.assign(sys, {
        [name]: (...args: unknown[]) => {
          die();
          return call(...args);
        },
      });
    }
    try {
      deed(net);
    } catch (error) {
      if (left > 0) throw error;
      killedAt++;
    } finally {
      Object.assign(sys, original);
    }
    net.del("unknown");
    const holders = Object.values(net.leases()).map((content) => content.split("\r\n")[0]);
    for (const id of ["a", "b"]) t.equal(net.holds(id), holders.includes(id), `${id}, call ${nth}`);
    net.gc();
    t.same(net.leases(), {}, `call ${nth}`);
    net.add("c");
    net.del("c");
    t.same(net.index(), {}, `no temporary file and no stale entry, call ${nth}`);
  }
  t.equal(killedAt, total);
  t.end();
});

t.test("an index that cannot be written costs no lease", (t) => {
  for (const broken of ["symlink", "utimes"] as const) {
    const net = new Network(t.testdir({}));
    const original = sys[broken];
    t.teardown(() => Object.assign(sys, { [broken]: original }));
    Object.assign(sys, {
      [broken]: () => {
        throw Object.assign(new Error("EPERM"), { code: "EPERM", errno: 1, syscall: broken });
      },
    });
    net.add("a");
    net.add("b");
    t.throws(() => net.add("a"), /duplicate/, broken);
    t.equal(net.isSealed(), false);
    net.del("a");
    t.equal(net.holds("a"), false);
    t.equal(net.holds("b"), true);
    Object.assign(sys, { [broken]: original });
    net.del("b");
    t.same(net.leases(), {});
    t.same(net.index(), {});
  }
  t.end();
});

t.test("a container id that is too long for a file name", (t) => {
  const net = new Network(t.testdir({}));
  const long = "c".repeat(300);
  net.add(long);
  t.throws(() => net.add(long), /duplicate/);
  net.add("short");
  t.equal(net.isSealed(), false, "the index cannot tell of all leases");
  t.equal(net.holds(long), true);
  net.del(long);
  t.equal(net.holds(long), false);
  net.del("short");
  t.same(net.leases(), {});
  t.equal(net.isSealed(), true);
  t.end();
});

t.test("what is no lease does no harm", (t) => {
  const net = new Network(t.testdir({ net1: { folder: { "10.1.2.9": "a\r\neth0" } } }));
  net.put("../../strange id", "x");
  net.put("10.1.2.2", "../../evil\r\neth0");
  net.put("10.1.2.3", "a\r\n../eth0");
  t.same(net.add("a"), ["10.1.2.4/24 10.1.2.1"]);
  t.same(Object.keys(net.index()), [".a:eth0"]);
  net.gc();
  t.same(Object.keys(net.leases()), ["10.1.2.2", "10.1.2.3"]);
  t.end();
});
