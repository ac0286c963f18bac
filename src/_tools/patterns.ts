/**
 * Spells out `{ name }` in the patterns of parameters and of `var`: `{ name: name }`.
 *
 * They mean the same. But for the short form QuickJS 2021-03-27 makes an object that refers to the
 * variable, to assign by it (js_parse_destructuring_element of quickjs.c: "generate reference"); such a
 * parameter then costs more than many a function that has it.
 */
import ts from "typescript";
import { isVar } from "./variables.ts";

/** @param code JavaScript; the lines stay where they are */
export function spellOutPatterns(code: string): string {
  const file = ts.createSourceFile("code.js", code, ts.ScriptTarget.ES2022, true, ts.ScriptKind.JS);
  const places: { at: number; name: string }[] = [];
  const visit = (node: ts.Node, isInPattern: boolean): void => {
    const inside = isInPattern || ts.isParameter(node) || isVarList(node);
    if (inside && ts.isBindingElement(node) && ts.isObjectBindingPattern(node.parent)) {
      const { name, propertyName, dotDotDotToken } = node;
      if (!propertyName && !dotDotDotToken && ts.isIdentifier(name)) {
        places.push({ at: name.getStart(file), name: name.text });
      }
    }
    // What a default is made by has parameters of its own.
    ts.forEachChild(node, (child) => visit(child, inside && !ts.isFunctionLike(child)));
  };
  visit(file, false);
  let spelt = "";
  let from = 0;
  for (const { at, name } of places.sort((a, b) => a.at - b.at)) {
    spelt += `${code.slice(from, at)}${name}: `;
    from = at;
  }
  return spelt + code.slice(from);
}

function isVarList(node: ts.Node): boolean {
  return ts.isVariableDeclarationList(node) && isVar(node);
}
