/** One directory, used in turn by us and by the reference's host-local. */
import fc from "fast-check";
import t from "tap";
import { Network } from "./network.ts";

t.test("both write the same bytes", (t) => {
  const dir = t.testdir({});
  const networks = ["ours", "go"].map(
    (name) => new Network(`${dir}/${name}`, "10.1.2.0/24", "2001:db8:0:1::/64"),
  );
  const [ours, go] = networks as [Network, Network];
  t.same(ours.add("one"), go.go("ADD", "one"));
  t.same(ours.add("two:net1"), go.go("ADD", "two:net1"));
  const ips = ["10.1.2.99", "2001:db8:0:1::ab:0:1"];
  t.same(ours.add("three", { ips }), go.go("ADD", "three", { ips }));
  t.same(ours.files(), go.files());
  ours.del("two:net1");
  go.go("DEL", "two:net1");
  t.same(ours.files(), go.files());
  t.end();
});

t.test("what Go adds is ours to see, to check and to delete", (t) => {
  const net = new Network(t.testdir({}), "10.1.2.0/24", "2001:db8::/64");
  net.add("ours");
  t.same(net.go("ADD", "theirs"), ["10.1.2.3/24 10.1.2.1", "2001:db8::3/64 2001:db8::1"]);
  t.same(net.add("more"), ["10.1.2.4/24 10.1.2.1", "2001:db8::4/64 2001:db8::1"], "round-robin");
  t.equal(net.holds("theirs"), true);
  t.throws(() => net.add("theirs"), /10.1.2.3 has been allocated to theirs, duplicate/);
  net.boot = "boot-2";
  t.same(net.add("theirs"), ["10.1.2.3/24 10.1.2.1", "2001:db8::3/64 2001:db8::1"], "rebooted");
  net.del("theirs");
  t.notOk(net.leases()["10.1.2.3"]);
  net.go("ADD", "theirs");
  net.gc("ours");
  t.same(Object.keys(net.leases()), ["10.1.2.2", "2001:db8::2"]);
  t.end();
});

t.test("what we add is Go's to see, to check and to delete", (t) => {
  const net = new Network(t.testdir({}), "10.1.2.0/24", "2001:db8::/64");
  net.add("ours");
  t.throws(() => net.go("ADD", "ours"), {
    message:
      "failed to allocate for range 0: " +
      "10.1.2.2 has been allocated to ours, duplicate allocation is not allowed",
  });
  net.go("CHECK", "ours");
  t.same(net.go("ADD", "theirs"), ["10.1.2.3/24 10.1.2.1", "2001:db8::3/64 2001:db8::1"]);
  net.go("DEL", "ours");
  t.throws(() => net.go("CHECK", "ours"), /Failed to find address added by container ours/);
  t.equal(net.holds("ours"), false);
  t.same(Object.keys(net.leases()), ["10.1.2.3", "2001:db8::3"]);
  t.same(net.add("ours"), ["10.1.2.4/24 10.1.2.1", "2001:db8::4/64 2001:db8::1"]);
  t.end();
});

t.test("what a killed Go plugin leaves is given out again", (t) => {
  const net = new Network(t.testdir({}));
  net.go("ADD", "a");
  net.put("10.1.2.3", ""); // killed between open(2) and write(2)
  net.put("10.1.2.4", "\0\0\0\0"); // lost to a power cut
  net.put("10.1.2.5", "what\nis this?"); // no plugin wrote that
  t.same(net.add("b", { ips: ["10.1.2.3"] }), ["10.1.2.3/24 10.1.2.1"]);
  t.same(net.add("c"), ["10.1.2.4/24 10.1.2.1"]);
  t.same(net.add("d"), ["10.1.2.6/24 10.1.2.1"]);
  const removed = ["10.1.2.3", "10.1.2.4"].map(
    (ip) => `Removed the lease ${net.dir}/${ip}: it is empty, so nobody holds the address`,
  );
  t.same(net.warnings.sort(), removed);
  t.end();
});

t.test("STATUS does not count what the next ADD would reclaim", (t) => {
  const net = new Network(t.testdir({}), "10.1.2.0/30");
  net.put("10.1.2.2", "");
  t.equal(net.exhausted(), undefined);
  net.add("a");
  t.match(net.exhausted(), /1 of 1 are held/);
  t.end();
});

// The model: who holds what. After each step the directory, and what both programs say, must agree.
type Step = { who: "ours" | "go"; what: "ADD" | "DEL" | "GC" | "reboot"; name: string };
const names = ["a", "b", "a:net1", "c"];
const step = fc.record<Step>({
  who: fc.constantFrom("ours", "go"),
  what: fc.constantFrom("ADD", "ADD", "ADD", "DEL", "DEL", "GC", "reboot"),
  name: fc.constantFrom(...names),
});

t.test("in any order the two agree", (t) => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 12 }), (steps) => {
      const net = new Network(t.testdir({}), "10.1.2.0/29");
      const held = new Map<string, string>();
      let boots = 0;
      for (const { who, what, name } of steps) {
        if (what === "reboot") net.boot = `boot-${++boots + 1}`;
        else if (what === "DEL") {
          if (who === "go") net.go("DEL", name);
          else net.del(name);
          held.delete(name);
        } else if (what === "GC") {
          net.gc(name);
          for (const other of held.keys()) if (other !== name) held.delete(other);
        } else {
          const before = net.leases();
          try {
            const [given = ""] = who === "go" ? net.go("ADD", name) : net.add(name);
            const ip = given.replace(/\/.*/, "");
            const own = held.get(name);
            if (own !== undefined && (who === "go" || own !== ip)) return false;
            if (own === undefined && ip in before) return false;
            held.set(name, ip);
          } catch (error) {
            // Only a holder is refused: there are more addresses than names.
            if (!held.has(name) || !/duplicate/.test(String(error))) throw error;
          }
        }
        const leases = Object.entries(net.leases()).map(([ip, content]) => `${content} ${ip}`);
        const model = [...held].map(([name, ip]) => {
          const [id, ifName = "eth0"] = name.split(":");
          return `${id}\r\n${ifName} ${ip}`;
        });
        if (JSON.stringify(leases.sort()) !== JSON.stringify(model.sort())) return false;
        if (names.some((name) => net.holds(name) !== held.has(name))) return false;
      }
      return true;
    }),
    { numRuns: 60 },
  );
  t.pass("in 60 sequences");
  t.end();
});
