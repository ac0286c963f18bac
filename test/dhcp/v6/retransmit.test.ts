import fc from "fast-check";
import t from "tap";
import { isOver, nextRt, parameters } from "../../../src/dhcp/v6/retransmit.ts";

const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

t.test("RT follows the formulas of RFC 8415 section 15", async (t) => {
  t.equal(
    nextRt(parameters.renew, 0, () => 0.5),
    10,
  );
  t.equal(
    nextRt(parameters.renew, 0, () => 0),
    9,
  );
  t.equal(
    nextRt(parameters.renew, 10, () => 0.5),
    20,
  );
  t.equal(
    nextRt(parameters.renew, 10, () => 0),
    19,
  );
  t.equal(
    nextRt(parameters.renew, 600, () => 0.5),
    600,
  );
  t.equal(
    nextRt(parameters.renew, 600, () => 0),
    540,
  );
  t.equal(
    nextRt(parameters.release, 600, () => 0.5),
    1200,
    "no limit",
  );
});

t.test("RT stays within a tenth of what it is without RAND", async (t) => {
  fc.assert(
    fc.property(
      random,
      fc.constantFrom(...Object.values(parameters)),
      fc.nat({ max: 5000 }),
      (r, p, previous) => {
        const rt = nextRt(p, previous, () => r);
        const [low, high] =
          previous === 0
            ? [0.9 * p.irt, 1.1 * p.irt]
            : p.mrt === 0
              ? [1.9 * previous, 2.1 * previous]
              : [
                  Math.min(1.9 * previous, 0.9 * p.mrt),
                  2.1 * previous > p.mrt ? 1.1 * p.mrt : 2.1 * previous,
                ];
        t.ok(rt > low - 1e-9 && rt < high + 1e-9, `${rt} from ${low} to ${high}`);
      },
    ),
  );
});

t.test("the first SOLICIT waits longer than IRT: all servers have that time", async (t) => {
  fc.assert(
    fc.property(random, (r) => {
      const rt = nextRt(parameters.solicit, 0, () => r, true);
      t.ok(rt > 1 && rt <= 1.1);
    }),
  );
});

t.test("an exchange is over by count or by duration", async (t) => {
  t.notOk(isOver(parameters.solicit, 1e6, 1e9));
  t.notOk(isOver(parameters.request, 9, 1e9));
  t.ok(isOver(parameters.request, 10, 0));
  t.notOk(isOver(parameters.confirm, 1e6, 9.9));
  t.ok(isOver(parameters.confirm, 1, 10));
});
