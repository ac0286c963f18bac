/** The rewriting of variables, judged by what the code does. */
import t from "tap";
import { unblockVariables } from "../../src/_tools/variables.ts";

t.test("what can be var becomes var, and nothing else", async (t) => {
  const cases: [string, string][] = [
    ["const a = 1; let b;", "const a = 1; let b;"],
    ["function f() { const a = 1; let b; }", "function f() { var a = 1; var b = void 0; }"],
    ["const f = () => { const { a, b } = c; };", "const f = () => { var { a, b } = c; };"],
    ["class A { m() { const a = 1; } }", "class A { m() { var a = 1; } }"],
    // Blocks beside each other
    [
      "function f() { for (const a of b) c(a); for (let a = 1; a < 2; a++) c(a); }",
      "function f() { for (var a of b) c(a); for (var a = 1; a < 2; a++) c(a); }",
    ],
    // In a loop a variable is a new one each time.
    [
      "function f() { for (;;) { let a; a ??= b; } }",
      "function f() { for (;;) { var a = void 0; a ??= b; } }",
    ],
    [
      "function f() { for (const a of b) c.push(() => a); }",
      "function f() { for (const a of b) c.push(() => a); }",
    ],
    [
      "function f() { while (b) { const a = b(), d = a; c.push(class { x = a; }); } }",
      "function f() { while (b) { const a = b(), d = a; c.push(class { x = a; }); } }",
    ],
    [
      "function f() { const a = 1; return () => a; }",
      "function f() { var a = 1; return () => a; }",
    ],
    [
      "function f() { { const a = 1; g(() => a); } { const a = 2; } }",
      "function f() { { const a = 1; g(() => a); } { const a = 2; } }",
    ],
    // What is called the same is another.
    ["function f(a) { { const a = 1; } }", "function f(a) { { const a = 1; } }"],
    ["function f() { { const a = 1; } a(); }", "function f() { { const a = 1; } a(); }"],
    [
      "function f() { const a = 1; { const a = 2; } }",
      "function f() { const a = 1; { const a = 2; } }",
    ],
    [
      "function f() { { const a = 1; } g(() => a); }",
      "function f() { { const a = 1; } g(() => a); }",
    ],
    [
      "function f() { { const a = 1; } g(() => { try {} catch (a) {} a(); }); }",
      "function f() { { const a = 1; } g(() => { try {} catch (a) {} a(); }); }",
    ],
    [
      "function f() { { const a = 1; } try {} catch (a) {} }",
      "function f() { { const a = 1; } try {} catch (a) {} }",
    ],
    [
      "function f() { { const g = 1; } function g() {} }",
      "function f() { { const g = 1; } function g() {} }",
    ],
    // What parameters are by default does not see the body.
    [
      "function f() { for (const a of b) g((c = a) => { const a = 1; return c; }); }",
      "function f() { for (const a of b) g((c = a) => { const a = 1; return c; }); }",
    ],
    [
      "function f() { for (const a of b) g(({ c = a } = {}) => { var a; function d() {} }); }",
      "function f() { for (const a of b) g(({ c = a } = {}) => { var a; function d() {} }); }",
    ],
    // … unless nobody can see it from here.
    [
      "function f() { { const a = b.a; } g((a) => a, { a: 1, a() {} }); }",
      "function f() { { var a = b.a; } g((a) => a, { a: 1, a() {} }); }",
    ],
    [
      "function f() { { const a = 1; } g(() => { const a = 2; return a; }); }",
      "function f() { { var a = 1; } g(() => { var a = 2; return a; }); }",
    ],
    [
      "function f() { { const a = 1; } return { a }; }",
      "function f() { { const a = 1; } return { a }; }",
    ],
    [
      "function f() { switch (b) { case 1: const a = 1; } switch (b) { case 2: const a = 2; } }",
      "function f() { switch (b) { case 1: var a = 1; } switch (b) { case 2: var a = 2; } }",
    ],
  ];
  for (const [given, expected] of cases) t.equal(unblockVariables(given), expected);
  t.throws(() => unblockVariables("let a;\nlet = = 2;"), /^Cannot rewrite line 2: /);
});

t.test("code does the same afterwards", async (t) => {
  const code = `
    const outer = 7;
    function run(list) {
      const seen = [];
      const later = [];
      for (const item of list) {
        let count;
        count = (count ?? 0) + item;
        const twice = item * 2;
        later.push(() => [item, twice]);
        seen.push(count);
      }
      for (let i = 0, sum = 0; i < 3; i++) { sum += i; seen.push(sum); }
      if (list.length) { const outer = 1; seen.push(outer); }
      return [seen, later.map((call) => call()), outer];
    }
    run([1, 2, 3]);`;
  // biome-ignore lint/security/noGlobalEval: the code is ours
  const run = globalThis.eval;
  t.same(run(unblockVariables(code)), run(code));
});
