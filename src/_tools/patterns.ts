/**
 * Spells out `{ name }` in the patterns of parameters and of `var`: `{ name: name }`.
 *
 * They mean the same. But for the short form QuickJS 2021-03-27 makes an object that refers to the
 * variable, to assign by it (js_parse_destructuring_element of quickjs.c: "generate reference"); such a
 * parameter then costs more than many a function that has it.
 */
import ts from "typescript";
import { type Edit, edited, isVar, parseJavaScript } from "./rewriting.ts";

/** @param code JavaScript; the lines stay where they are */
export function spellOutPatterns(code: string): string {
  const file = parseJavaScript(code);
  const edits: Edit[] = [];
  const visit = (node: ts.Node, isInPattern: boolean): void => {
    const inside = isInPattern || ts.isParameter(node) || isVarList(node);
    if (inside && ts.isBindingElement(node) && ts.isObjectBindingPattern(node.parent)) {
      const { name, propertyName, dotDotDotToken } = node;
      if (!propertyName && !dotDotDotToken && ts.isIdentifier(name)) {
        edits.push([name.getStart(file), 0, `${name.text}: `]);
      }
    }
    // What a default is made by has parameters of its own.
    ts.forEachChild(node, (child) => visit(child, inside && !ts.isFunctionLike(child)));
  };
  visit(file, false);
  return edited(code, edits);
}

function isVarList(node: ts.Node): boolean {
  return ts.isVariableDeclarationList(node) && isVar(node);
}
