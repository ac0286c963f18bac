import { addon, check } from "./check.ts";

export function checkScopes(): void {
  check("scopes", addon.scopes(10_000), "handle 9999");
  check(
    "instance data",
    [addon.instanceData("first"), addon.instanceData("second"), addon.instanceData("third")],
    [undefined, "first", "second"],
  );
}

export function checkReferences(): void {
  const { refer, referred, count, forget, wrap, unwrap } = addon;
  const object = { kept: true };
  check(
    "refer to primitives",
    [1, "s", null, undefined, true, 1n].map((v) => refer("p", v, 1)),
    Array(6).fill("status 1"),
  );
  refer("strong", object, 1);
  check("strong reference", referred("strong") === object, true);
  check(
    "counts",
    [count("strong", true), count("strong", false), count("strong", false)],
    [2, 1, 0],
  );
  check("weakened reference", referred("strong") === object, true);
  check("count below 0", count("strong", false), "status 9");
  check(
    "strengthened reference",
    [count("strong", true), referred("strong") === object],
    [1, true],
  );
  forget("strong");
  refer("weak", object, 0);
  refer("weak too", object, 0);
  check(
    "weak references",
    [referred("weak") === object, referred("weak too") === object],
    [true, true],
  );
  forget("weak");
  check("the other weak reference", referred("weak too") === object, true);
  forget("weak too");
  const symbol = Symbol("kept");
  refer("symbol", symbol, 1);
  check("reference to a symbol", referred("symbol") === symbol, true);
  forget("symbol");
  const callable = () => 5;
  refer("function", callable, 0);
  check("reference to a function", referred("function")(), 5);
  forget("function");

  check("wrap", unwrap(wrap(object, "one")), "one");
  check("wrap twice", wrap(object, "two"), "status 1");
  check(
    "remove wrap",
    [addon.removeWrap(object), unwrap(object), unwrap({})],
    ["one", "status 1", "status 1"],
  );
  check("wrap again", unwrap(wrap(object, "three")), "three");
  check("remove it again", addon.removeWrap(object), "three");
  check("wrap of a primitive", [wrap(1, "x"), unwrap("x")], ["status 1", "status 1"]);
  const frozen = Object.freeze({});
  check("wrap of a frozen object", unwrap(wrap(frozen, "frozen")), "frozen");
  addon.removeWrap(frozen);
  check("wrap does not show", [Object.keys(object), Reflect.ownKeys(object)], [["kept"], ["kept"]]);

  const external = addon.external("outside");
  check("external", addon.getExternal(external), "outside");
  check(
    "external of another object",
    [addon.getExternal({}), addon.getExternal(1)],
    ["status 1", "status 1"],
  );
  check("external is an object", typeof external, "object");
  check("finalizer of a primitive", addon.addFinalizer(1, "x"), "status 1");
}

/** Makes what must be finalized once it is collected. */
export function loseObjects(): void {
  addon.finalized();
  addon.wrap({}, "wrapped");
  addon.addFinalizer({}, "finalizer");
  addon.external("external");
  const cycle: { self?: unknown } = {};
  cycle.self = cycle;
  addon.wrap(cycle, "cycle");
  addon.refer("lost", cycle, 0);
  const chain = addon.addFinalizer(addon.wrap({}, "both"), "and");
  chain.again = addon.wrap({}, "inner");
  addon.externalBuffer(10);
  new addon.Counter(1);
  const counters = [new addon.Counter(1), new addon.Counter(2)];
  counters[0].other = counters;
}

/** After a collection and, on Node, a turn of its loop. */
export function checkLost(): void {
  const labels = addon.finalized().trim().split(" ").sort();
  // A hint was given to napi_wrap, and comes back as "+"; externals have none.
  for (const label of ["wrapped+", "finalizer", "external", "cycle+", "both+", "and", "inner+"]) {
    check(`finalized ${label}`, labels.filter((other: string) => other === label).length, 1);
  }
  check("weak reference to what is gone", addon.referred("lost"), null);
  check("count of what is gone", addon.count("lost", true), 0);
  addon.forget("lost");
  check("external buffers released", addon.released() >= 1, true);
  check("wrapped objects destroyed", addon.Counter.alive(), 0);
  check("finalized since", addon.finalized(), "");
}
