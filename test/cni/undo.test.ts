import t from "tap";
import { CniError } from "../../src/cni/errors.ts";
import { tryAll, Undo } from "../../src/cni/undo.ts";

const fail = (error: unknown) => () => {
  throw error;
};

t.test("undo: last first, each once, failures told", async (t) => {
  const undo = new Undo();
  const log: string[] = [];
  undo.push("remove one", () => log.push("one"));
  undo.push("remove two", fail(new Error("busy")));
  undo.push("remove three", fail("odd"));
  undo.push("remove four", () => log.push("four"));
  t.same(undo.run(), ["Cannot remove three: odd", "Cannot remove two: busy"]);
  t.same(log, ["four", "one"]);
  t.same(undo.run(), []);
  t.same(log, ["four", "one"]);
});

t.test("tryAll does every step and throws what failed", async (t) => {
  const log: string[] = [];
  const step = (name: string) => () => {
    log.push(name);
  };
  tryAll(step("a"), step("b"));
  const single = new TypeError("x");
  t.throws(() => tryAll(step("c"), fail(single), step("d")), single, "one error stays as it is");
  t.same(log, ["a", "b", "c", "d"]);
  t.throws(
    () => tryAll(fail(new Error("x")), step("e"), fail(new CniError("TryAgainLater", "y"))),
    {
      code: 999,
      msg: "x; y",
    },
  );
  t.throws(
    () => tryAll(fail(CniError.of(11, "x", "more")), fail(CniError.of(11, "y"))),
    { code: 11, msg: "x; more; y" },
    "a code that all share is kept",
  );
  t.equal(log.pop(), "e");
});
