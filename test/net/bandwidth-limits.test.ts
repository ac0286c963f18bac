/** The arithmetic of bandwidth: bits of a config, the kernel's buckets, and both back again. */
import fc from "fast-check";
import t from "tap";
import type { Bucket } from "../../src/kernel/traffic.ts";
import { ownIfbName, sharedIfbName } from "../../src/net/bandwidth-ifb.ts";
import {
  bucketOf,
  differenceOf,
  type Limit,
  readLimits,
  smallestBurst,
} from "../../src/net/bandwidth-limits.ts";

const limit = (rate: number, burst: number, latency = 25): Limit => ({ rate, burst, latency });
const bits = 2n ** 32n;

/** What the kernel makes of a number of bytes: psched_ratecfg_precompute and psched_l2t_ns. */
function kernelTicks(rate: number, burst: number): number {
  let factor = 1_000_000_000n;
  let shift = 0n;
  let multiplier = factor / BigInt(rate);
  while (!(multiplier & (1n << 31n)) && !(factor & (1n << 63n))) {
    factor *= 2n;
    shift++;
    multiplier = factor / BigInt(rate);
  }
  const nanoseconds = (BigInt(burst) * multiplier) >> shift;
  return Number((nanoseconds >> 6n) % bits);
}

/** A bucket as the kernel tells of it. */
function told({ rate, limit, buffer, burst }: Bucket): Bucket {
  return { rate, limit, buffer: burst === undefined ? buffer : kernelTicks(rate, burst) };
}

/** What the Go plugin asks for on amd64, where a number that is too large loses its upper bits. */
function byGo({ rate, burst }: Limit): Bucket {
  const cut = (value: number) => Number(BigInt(Math.trunc(value)) % bits);
  const microseconds = cut((burst * 1e6) / rate);
  return {
    rate,
    limit: cut(cut((rate * 25_000) / 1e6) + burst),
    buffer: cut(microseconds * 15.625),
  };
}

t.test("the reference's numbers", async (t) => {
  t.same(bucketOf(limit(2, 1), 1500), { rate: 2, limit: 1, buffer: 7_812_500, burst: undefined });
  t.match(bucketOf(limit(1000, 10), 1500), { rate: 1000, limit: 35, burst: undefined });
  t.match(bucketOf(limit(1000, 10, 200), 1500), { limit: 210 });
  const network = "cni-plugin-bandwidth-test";
  t.equal(sharedIfbName({ network, containerId: "dummy" }), "bwpa8eda89404b7");
  t.match(ownIfbName({ network, containerId: "dummy", ifName: "eth1" }), /^bwp[0-9a-f]{12}$/);
});

t.test("where microseconds are too coarse, or ticks too many, it is bytes", async (t) => {
  const packet = smallestBurst(1500) / 8;
  t.equal(bucketOf(limit(12_500_000, packet), 1500).burst, packet, "a packet would not fit");
  t.equal(bucketOf(limit(12_500_000, packet), 9000).burst, undefined, "it does not fit anyway");
  t.equal(bucketOf(limit(12_500_000, 2 * packet), 1500).burst, undefined);
  t.match(bucketOf(limit(1000, 268_435_455), 1500), { burst: 268_435_455, buffer: 0xffffffff });
  t.equal(bucketOf(limit(1e12, 1e6), 1500).limit, 0xffffffff, "25 GB may not wait");
});

const rates = fc.double({ min: 0, max: 45, noNaN: true }).map((x) => Math.floor(2 ** x));
const bursts = fc.double({ min: 0, max: 31.9, noNaN: true }).map((x) => Math.floor(2 ** x));

t.test("what is asked for is what CHECK finds, of ours and of Go's", async () => {
  fc.assert(
    fc.property(rates, bursts, fc.integer({ min: 68, max: 9000 }), (rate, burst, mtu) => {
      const wanted = limit(rate, burst);
      const ours = differenceOf(told(bucketOf(wanted, mtu)), wanted);
      const go = differenceOf(byGo(wanted), wanted);
      if (ours !== undefined || go !== undefined) throw new Error(`ours: ${ours}; go: ${go}`);
    }),
    { numRuns: 2000 },
  );
});

t.test("ours is Go's where that is right", async () => {
  fc.assert(
    fc.property(rates, bursts, (rate, burst) => {
      const bucket = bucketOf(limit(rate, burst), 1500);
      const isExact = bucket.burst === undefined && bucket.limit < 0xffffffff;
      return !isExact || JSON.stringify(told(bucket)) === JSON.stringify(byGo(limit(rate, burst)));
    }),
    { numRuns: 2000 },
  );
});

t.test("a bucket holds the burst, to a microsecond", async () => {
  fc.assert(
    fc.property(rates, bursts, (rate, burst) => {
      const { buffer, burst: exact } = bucketOf(limit(rate, burst), 1500);
      const held = exact ?? Math.floor((buffer * 64 * rate) / 1e9);
      return held <= burst && held >= burst - Math.ceil(rate / 1e6) - 1;
    }),
    { numRuns: 2000 },
  );
});

t.test("CHECK tells another", async (t) => {
  const wanted = limit(1_000_000, 50_000);
  const bucket = told(bucketOf(wanted, 1500));
  t.equal(differenceOf(bucket, wanted), undefined);
  t.match(differenceOf({ ...bucket, rate: 999_999 }, wanted), /rate 999999 is not 1000000 bytes/);
  t.match(differenceOf({ ...bucket, limit: 74_999 }, wanted), /limit 74999 is not 75000 bytes/);
  t.match(differenceOf({ ...bucket, buffer: bucket.buffer + 50 }, wanted), /781300 ticks is not/);
  t.match(differenceOf({ ...bucket, buffer: bucket.buffer - 50 }, wanted), /ticks is not 781250/);
});

t.test("which limits count", async (t) => {
  const latency = 25;
  const one = { ingressRate: 8000, ingressBurst: 80 };
  const expected = { ingress: { rate: 1000, burst: 10, latency } };
  t.same(readLimits({ latency }), {});
  t.same(readLimits({ latency, ...one }), expected);
  t.same(readLimits({ latency, runtimeConfig: { bandwidth: one } }), expected);
  t.same(readLimits({ latency, egressBurst: 0, runtimeConfig: { bandwidth: one } }), {});
  const both = { egressRate: 1, egressBurst: 1, runtimeConfig: { bandwidth: one } };
  t.throws(() => readLimits({ latency, ...both }), /at least 8 bits/);
});
