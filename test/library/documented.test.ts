/** Every export has its description, where editors show it; and the page names them. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import t from "tap";
import ts from "typescript";

const entries = ["index", "netns"].map((name) => resolve(`build/library/esm/${name}.d.ts`));
const program = ts.createProgram(entries, {
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  types: ["node"],
});
const checker = program.getTypeChecker();

/** What a module exports, with what is in exported namespaces as `nft.addTable`. */
function exportsOf(module: ts.Symbol, prefix = ""): [name: string, symbol: ts.Symbol][] {
  return checker.getExportsOfModule(module).flatMap((symbol) => {
    const isAlias = symbol.flags & ts.SymbolFlags.Alias;
    const target = isAlias ? checker.getAliasedSymbol(symbol) : symbol;
    const name = `${prefix}${symbol.name}`;
    const isNamespace = target.flags & ts.SymbolFlags.ValueModule;
    return isNamespace ? exportsOf(target, `${name}.`) : [[name, target]];
  });
}

/** The methods and fields of a class, without what it inherits. */
function membersOf(name: string, symbol: ts.Symbol): [name: string, symbol: ts.Symbol][] {
  if (!(symbol.flags & ts.SymbolFlags.Class)) return [];
  const { members = new Map() } = symbol as { members?: Map<string, ts.Symbol> };
  return [...members.values()]
    .filter(({ flags }) => flags & (ts.SymbolFlags.Method | ts.SymbolFlags.Accessor))
    .map((member) => [`${name}.${member.name}`, member]);
}

const modules = entries.map((file) => {
  const source = program.getSourceFile(file);
  const module = source && checker.getSymbolAtLocation(source);
  if (!module) throw new Error(`Cannot read ${file}: npm run build:library`);
  return exportsOf(module);
});

t.test("every export, and every method of exported classes, is described", async (t) => {
  const all = modules.flat();
  t.ok(all.length > 100, `${all.length} exports`);
  const bare = [...all, ...all.flatMap(([name, symbol]) => membersOf(name, symbol))]
    .filter(([, symbol]) => symbol.getDocumentationComment(checker).length === 0)
    .map(([name]) => name);
  t.strictSame(bare, []);
});

t.test("the page names every function and class of the main entry", async (t) => {
  const page = readFileSync("docs/library.md", "utf8");
  const [main = []] = modules;
  const values = main.filter(([, { flags }]) => flags & ts.SymbolFlags.Value);
  t.ok(values.length > 15, `${values.length} values`);
  t.strictSame(
    values.map(([name]) => name).filter((name) => !new RegExp(`\\b${name}\\b`).test(page)),
    [],
  );
});
