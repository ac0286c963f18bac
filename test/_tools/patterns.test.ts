/** The rewriting of patterns, judged by what the code does. */
import t from "tap";
import { spellOutPatterns } from "../../src/_tools/patterns.ts";

t.test("patterns of parameters are spelt out, and nothing else", async (t) => {
  const cases: [string, string][] = [
    ["function f({ a, b }) {}", "function f({ a: a, b: b }) {}"],
    ["const f = ({ a: { b } }, [{ c }]) => c;", "const f = ({ a: { b: b } }, [{ c: c }]) => c;"],
    ["const f = ({ a = 1, ...rest }) => a;", "const f = ({ a: a = 1, ...rest }) => a;"],
    ["class A { m({ a }) {} set s({ b }) {} }", "class A { m({ a: a }) {} set s({ b: b }) {} }"],
    ["const f = (a = ({ b }) => b) => a;", "const f = (a = ({ b: b }) => b) => a;"],
    ["const { a, b } = c;", "const { a, b } = c;"],
    ["f({ a, b });\nfor (const { c } of d) ;", "f({ a, b });\nfor (const { c } of d) ;"],
    ["const f = ({ a = { b } }) => a;", "const f = ({ a: a = { b } }) => a;"],
    [
      "const f = (a = () => { const { b } = c; }) => a;",
      "const f = (a = () => { const { b } = c; }) => a;",
    ],
  ];
  for (const [given, expected] of cases) t.equal(spellOutPatterns(given), expected);
});

t.test("code does the same afterwards", async (t) => {
  const code = `
    const f = ({ a, b = a + 1, c: { d }, ...rest }, [{ e }] = [{ e: 5 }]) => [a, b, d, rest, e];
    [f({ a: 1, c: { d: 3 }, x: 4 }), f({ a: 1, b: 9, c: { d: 3 } }, [{ e: 6 }]), f.length];`;
  // biome-ignore lint/security/noGlobalEval: the code is ours
  const run = globalThis.eval;
  t.same(run(spellOutPatterns(code)), run(code));
});
