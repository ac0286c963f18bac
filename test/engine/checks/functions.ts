import { type Anything, addon, check, thrown } from "./check.ts";

function sum(this: { base: number }, ...numbers: number[]): number {
  return numbers.reduce((a, b) => a + b, this.base);
}

export function checkFunctions(): void {
  const receiver = { callInfo: addon.callInfo };
  check("arguments", receiver.callInfo(1, 2), [2, 1, undefined, receiver]);
  check("arguments, more than asked for", receiver.callInfo(1, 2, 3, 4).slice(0, 3), [4, 1, 3]);
  check("function name", addon.callInfo.name, "callInfo");
  check("call", addon.call(sum, { base: 1 }, 2, 3), 6);
  check("call of what is no function", addon.call({}, undefined), "status 1");
  check(
    "call, thrown through",
    thrown(() =>
      addon.call(() => {
        throw new TypeError("mine");
      }),
    ),
    "TypeError: mine",
  );
  const primitives = [1, "text", null, undefined, true, 10n];
  check(
    "throw",
    primitives.map((value) => {
      try {
        return addon.throw(value);
      } catch (error) {
        return ["thrown", error];
      }
    }),
    primitives.map((value) => ["thrown", value]),
  );
  const error = new Error("the very same");
  check(
    "catch",
    addon.catchCall(() => {
      throw error;
    }) === error,
    true,
  );
  check(
    "catch of a primitive",
    addon.catchCall(() => {
      throw "text";
    }),
    "text",
  );
  check(
    "catch of nothing",
    addon.catchCall(() => 1),
    undefined,
  );
  check(
    "new instance",
    [addon.newInstance(Array, 1, 2, 3), addon.newInstance({})],
    [[1, 2, 3], "status 1"],
  );
  check(
    "new instance, thrown",
    thrown(() => addon.newInstance(Array, -1)).slice(0, 10),
    "RangeError",
  );
  check(
    "new instance of what constructs not",
    thrown(() => addon.newInstance(() => 0)).slice(0, 9),
    "TypeError",
  );
  check(
    "instance of",
    [addon.instanceOf([], Array), addon.instanceOf({}, Array), addon.instanceOf(1, Number)],
    [true, false, false],
  );
  check(
    "instance of what is no function",
    thrown(() => addon.instanceOf({}, {})),
    "TypeError: Constructor must be a function (ERR_NAPI_CONS_FUNCTION)",
  );
}

export function checkErrors(): void {
  const made = ["Error", "TypeError", "RangeError"].map((kind) =>
    addon.createError(kind, "E_CODE", "the message"),
  );
  check(
    "errors made",
    made,
    ["Error", "TypeError", "RangeError"].map((name) =>
      Object.assign(new Error("the message"), { name, code: "E_CODE" }),
    ),
  );
  check(
    "errors made, instances",
    made.map((e) => e instanceof Error && typeof e.stack === "string"),
    [true, true, true],
  );
  check("error without code", "code" in addon.createError("Error", undefined, "m"), false);
  check(
    "error of no text",
    [addon.createError("Error", undefined, 1), addon.createError("Error", 1, "m")],
    ["status 3", "status 3"],
  );
  check(
    "errors thrown",
    ["Error", "TypeError", "RangeError"].map((kind) => thrown(() => addon.throwError(kind, "é"))),
    ["Error: é (E_TEST)", "TypeError: é (E_TEST)", "RangeError: é (E_TEST)"],
  );
  check("is error", [new Error(), new TypeError(), { message: "" }, "Error"].map(addon.isError), [
    true,
    true,
    false,
    false,
  ]);
}

export function checkClasses(): void {
  const { Raw, Counter } = addon;
  const raw = new Raw(5);
  check(
    "raw class",
    [raw.x, raw.method(), raw.accessor, raw.target === Raw, Raw.constant],
    [5, 5, 5, true, 42],
  );
  check(
    "raw class, name",
    [Raw.name, raw.constructor === Raw, raw instanceof Raw],
    ["Raw", true, true],
  );
  check("raw class, without new", Raw(1), "without new");
  class Child extends Raw {
    twice() {
      return this.method() * 2;
    }
  }
  const child = new (Child as Anything)(4);
  check(
    "raw class, extended",
    [child.twice(), child.target === Child, child instanceof Raw],
    [8, true, true],
  );

  const counter = new Counter(1);
  check("wrapped class", [counter.add(2).add(3).value, Counter.limit], [6, 100]);
  counter.value = 50;
  check("wrapped class, setter", counter.value, 50);
  check("wrapped class, without new", thrown(() => Counter(1)).slice(0, 9), "TypeError");
  check(
    "wrapped class, constructor throws",
    thrown(() => new Counter("x")),
    "TypeError: a number was expected",
  );
  class Named extends Counter {
    name = "child";
  }
  check("wrapped class, extended", new (Named as Anything)(7).add(1).value, 8);
  const { add } = Counter.prototype;
  const value = Object.getOwnPropertyDescriptor(Counter.prototype, "value");
  check(
    "foreign receivers",
    [{}, raw, undefined, 1, Object.create(counter), new Proxyless()].map((receiver) =>
      thrown(() => add.call(receiver, 1)),
    ),
    Array(6).fill("TypeError: Illegal invocation"),
  );
  check("foreign receiver of an accessor", thrown(() => value?.get?.call(raw)) !== "nothing", true);

  check(
    "C++ catches",
    addon.attempt((x: number) => {
      throw new Error(`thrown ${x}`);
    }, 1),
    "caught thrown 1",
  );
  check(
    "C++ catches a primitive",
    addon.attempt(() => {
      throw "text";
    }),
    "caught ",
  );
  check(
    "C++ lets pass",
    thrown(() =>
      addon.through(() => {
        throw "text";
      }),
    ),
    '"text"',
  );
  check(
    "through C++ and back, nested",
    addon.through(() =>
      addon.attempt(() =>
        addon.through(() => {
          throw new Error("deep");
        }),
      ),
    ),
    "caught deep",
  );
  const deepest = (n: number): number => (n === 0 ? 0 : 1 + addon.through(() => deepest(n - 1)));
  check("through C++, a hundred deep", deepest(100), 100);
}

class Proxyless {}

/** Promises settle after the checks: what they gave is checked in `checkLater`. */
const settled: unknown[] = [];
export function startPromises(): void {
  addon.promise(false, "fulfilled").then((value: unknown) => settled.push(value));
  addon.promise(true, "rejected").catch((reason: unknown) => settled.push(reason));
  check("promise", addon.promise(false, 1) instanceof Promise, true);
}
export function checkPromises(): void {
  check("promises settled", settled, ["fulfilled", "rejected"]);
}
