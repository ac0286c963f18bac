/**
 * Makes `var` of `const` and `let` in functions, wherever that is the same.
 *
 * So that nobody reads such a variable before it is set, QuickJS 2021-03-27 marks it when its block begins
 * and looks for the mark each time that it is read. That was a fifth of all instructions of a call.
 */
import ts from "typescript";
import { type Edit, edited, isVar, parseJavaScript } from "./rewriting.ts";

/** One `const` or `let`. */
interface Declaration {
  list: ts.VariableDeclarationList;
  /** What its names can be seen in. */
  scope: ts.Node;
  isInLoop: boolean;
}

/** What a function does with one name. */
interface Use {
  declarations: Declaration[];
  /** Whether something else declares it, too: a parameter, a function, a `catch`. */
  isDeclaredOtherwise: boolean;
  /** Whether it is a parameter: then nothing outside is called so in the function. */
  isParameter: boolean;
  /** Whether it is declared for the whole body, if not for what parameters are by default. */
  isOfBody: boolean;
  places: ts.Node[];
  /** Whether a function inside uses it. */
  isCaptured: boolean;
}

/** Where the walk is, within the function. */
interface Surroundings {
  scope: ts.Node;
  isInLoop: boolean;
  /** What a class sets fields to is evaluated later, for each object. */
  isInClass: boolean;
}

/** @param code JavaScript; the lines stay where they are */
export function unblockVariables(code: string): string {
  const { edits } = new FunctionScope(parseJavaScript(code));
  return edited(code, edits);
}

/** A function, or the file, with all functions in it. */
class FunctionScope {
  readonly edits: Edit[] = [];
  readonly #root: ts.Node;
  readonly #uses = new Map<string, Use>();
  readonly #declarations: Declaration[] = [];

  constructor(root: ts.Node) {
    this.#root = root;
    this.#visitChildren(root, { scope: root, isInLoop: false, isInClass: false });
    // Variables of a module are var already: esbuild sees to that.
    if (!ts.isFunctionLike(root)) return;
    for (const declaration of this.#declarations) {
      const names = namesIn(declaration.list);
      if (names.every((name) => isFree(this.#use(name)))) this.edits.push(...change(declaration));
    }
  }

  /** The names that it uses and may have from outside. */
  get borrowed(): string[] {
    const { body } = this.#root as ts.FunctionLikeDeclaration;
    const isInBody = (node: ts.Node) => body !== undefined && node.pos >= body.pos;
    const isOwn = ({ isParameter, isOfBody, places }: Use) =>
      isParameter || (isOfBody && places.every(isInBody));
    return [...this.#uses].filter(([, use]) => !isOwn(use)).map(([name]) => name);
  }

  #visit(node: ts.Node, around: Surroundings): void {
    if (ts.isFunctionLike(node)) {
      this.#visitFunction(node, around);
      return;
    }
    if (ts.isIdentifier(node)) this.#see(node, around);
    else if (ts.isClassLike(node)) this.#declareOtherwise(node.name);
    else if (ts.isCatchClause(node)) this.#declareOtherwise(node.variableDeclaration?.name);
    else if (ts.isVariableDeclarationList(node)) this.#declare(node, around);
    this.#visitChildren(node, {
      scope: isScope(node) ? node : around.scope,
      isInLoop: around.isInLoop || ts.isIterationStatement(node, false),
      isInClass: around.isInClass || ts.isClassLike(node),
    });
  }

  #visitChildren(node: ts.Node, around: Surroundings): void {
    ts.forEachChild(node, (child) => {
      if (node === this.#root && ts.isParameter(child))
        this.#declareOtherwise(child.name, "isParameter");
      this.#visit(child, around);
    });
  }

  #visitFunction(node: ts.SignatureDeclaration, around: Surroundings): void {
    if (ts.isFunctionDeclaration(node)) {
      const isOfBody = around.scope.parent === this.#root;
      this.#declareOtherwise(node.name, ...(isOfBody ? ["isOfBody" as const] : []));
    }
    // The name of a method may be computed, here and now.
    if (node.name && ts.isComputedPropertyName(node.name)) this.#visit(node.name, around);
    const inner = new FunctionScope(node);
    this.edits.push(...inner.edits);
    for (const name of inner.borrowed) {
      const use = this.#use(name);
      use.places.push(node);
      use.isCaptured = true;
    }
  }

  #see(node: ts.Identifier, { isInClass }: Surroundings): void {
    if (!isReference(node)) return;
    const use = this.#use(node.text);
    use.places.push(node);
    use.isCaptured ||= isInClass;
  }

  #declare(list: ts.VariableDeclarationList, { scope, isInLoop }: Surroundings): void {
    if (isVar(list)) {
      for (const { name } of list.declarations) this.#declareOtherwise(name, "isOfBody");
      return;
    }
    const declaration = { list, scope, isInLoop };
    this.#declarations.push(declaration);
    for (const name of namesIn(list)) {
      const use = this.#use(name);
      use.declarations.push(declaration);
      use.isOfBody ||= scope.parent === this.#root;
    }
  }

  #declareOtherwise(name: ts.BindingName | undefined, reach?: "isParameter" | "isOfBody"): void {
    for (const text of namesOf(name)) {
      const use = this.#use(text);
      use.isDeclaredOtherwise = true;
      if (reach) use[reach] = true;
    }
  }

  #use(name: string): Use {
    const known = this.#uses.get(name);
    if (known) return known;
    const use: Use = {
      declarations: [],
      isDeclaredOtherwise: false,
      isParameter: false,
      isOfBody: false,
      places: [],
      isCaptured: false,
    };
    this.#uses.set(name, use);
    return use;
  }
}

/** Whether one variable in the whole function can be all that are called so. */
function isFree({ declarations, isDeclaredOtherwise, places, isCaptured }: Use): boolean {
  if (isDeclaredOtherwise) return false;
  if (isCaptured && (declarations.length > 1 || declarations[0]?.isInLoop)) return false;
  const isWithin = (node: ts.Node, scope: ts.Node) =>
    node.pos >= scope.pos && node.end <= scope.end;
  return (
    places.every((place) => declarations.some(({ scope }) => isWithin(place, scope))) &&
    declarations.every(({ scope }, i) =>
      declarations.every((other, j) => i === j || !isWithin(other.scope, scope)),
    )
  );
}

function change({ list }: Declaration): Edit[] {
  const keyword = list.flags & ts.NodeFlags.Const ? "const" : "let";
  const edits: Edit[] = [[list.getStart(), keyword.length, "var"]];
  const isSetByLoop = ts.isForOfStatement(list.parent) || ts.isForInStatement(list.parent);
  for (const { name, initializer } of list.declarations) {
    if (!initializer && !isSetByLoop) edits.push([name.end, 0, " = void 0"]);
  }
  return edits;
}

function isReference(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent)) return parent.expression === node;
  if (ts.isPropertyAssignment(parent)) return parent.initializer === node;
  if (ts.isBindingElement(parent)) return parent.propertyName !== node;
  if (ts.isPropertyDeclaration(parent)) return parent.initializer === node;
  return !ts.isMethodDeclaration(parent) && !ts.isAccessor(parent);
}

function isScope(node: ts.Node): boolean {
  return (
    ts.isBlock(node) ||
    ts.isCaseBlock(node) ||
    ts.isForStatement(node) ||
    ts.isForInStatement(node) ||
    ts.isForOfStatement(node)
  );
}

function namesIn(list: ts.VariableDeclarationList): string[] {
  return list.declarations.flatMap(({ name }) => namesOf(name));
}

/** The variables that a name or a pattern declares. */
function namesOf(name: ts.BindingName | undefined): string[] {
  if (!name) return [];
  if (ts.isIdentifier(name)) return [name.text];
  return name.elements.flatMap((element) =>
    ts.isBindingElement(element) ? namesOf(element.name) : [],
  );
}
