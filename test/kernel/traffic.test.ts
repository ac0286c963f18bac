import { Traffic } from "../../src/kernel/traffic.ts";
import { needs } from "../applets/bandwidth-support.ts";
import { connect, failure, inNamespaces } from "./namespaces.ts";

const bucket = { rate: 1_000_000, limit: 75_000, buffer: 781_250 };

inNamespaces(
  "buckets",
  (box) => {
    const { t, host } = box;
    const { index } = connect(box).outer;
    const traffic = host.netns.use(Traffic);
    t.equal(traffic.root(index)?.bucket, undefined);
    traffic.addBucket(index, bucket);
    t.match(host.json("tc -j qdisc show dev h0"), [
      { kind: "tbf", handle: "1:", root: true, options: { rate: 1e6, burst: 50_000, lat: 25_000 } },
    ]);
    t.match(traffic.root(index), { index, kind: "tbf", handle: 0x10000, bucket });
    t.match(
      failure(() => traffic.addBucket(index, bucket)),
      { code: "EEXIST", message: /^Cannot add qdisc tbf of link "h0": File exists/ },
    );
    t.equal(traffic.removeBucket(index), true);
    t.equal(traffic.removeBucket(index), false);

    const wide = { rate: 1e10, limit: 9_500_000, buffer: 0xffffffff, burst: 9_000_000 };
    traffic.addBucket(index, wide);
    t.match(host.json("tc -j qdisc show dev h0"), [{ options: { rate: 1e10 } }]);
    // 9,000,000 bytes at that rate are 0.9 ms, and a tick is 64 ns.
    t.match(traffic.root(index)?.bucket, { rate: 1e10, limit: 9_500_000, buffer: 14_062 });

    host.sh("tc qdisc replace dev h0 root handle 9: tbf rate 1mbit burst 20000 latency 5ms");
    t.equal(traffic.removeBucket(index), false, "of another number");
    t.equal(traffic.removeBucket(999), false, "no such link");
    t.ok(traffic.dump().some(({ index: at, kind }) => at === index && kind === "tbf"));
  },
  needs,
);

inNamespaces(
  "what comes in",
  (box) => {
    const { t, host } = box;
    const { index } = connect(box).outer;
    const traffic = host.netns.use(Traffic);
    const ifb = host.netns.links.add({ name: "ifb7", info: { kind: "ifb" } });
    t.same(traffic.redirects(index), []);
    t.match(
      failure(() => traffic.redirect(index, ifb.index)),
      { message: /^Cannot redirect what/ },
    );
    traffic.addIngress(index);
    t.same(traffic.redirects(index), []);
    traffic.redirect(index, ifb.index);
    t.same(traffic.redirects(index), [ifb.index]);
    t.match(
      host.sh("tc filter show dev h0 parent ffff:"),
      /Egress Redirect to device ifb7\) stolen/,
    );
    host.sh(
      "tc filter add dev h0 parent ffff: u32 match u32 0 0 action mirred egress mirror dev h0",
    );
    t.same(traffic.redirects(index), [ifb.index], "a mirror takes nothing away");
    t.match(
      failure(() => traffic.addIngress(index)),
      { code: "EEXIST" },
    );
    t.equal(traffic.removeIngress(index), true);
    t.equal(traffic.removeIngress(index), false);
    host.sh("tc qdisc add dev h0 clsact");
    t.equal(traffic.removeIngress(index), false, "not what another has made");
  },
  needs,
);
