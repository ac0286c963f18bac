/**
 * Makes `var` of `const` and `let` in functions, wherever that is the same.
 *
 * So that nobody reads such a variable before it is set, QuickJS 2021-03-27 marks it when its block begins
 * and looks for the mark each time that it is read. That was a fifth of all instructions of a call.
 */
import ts from "typescript";

/** One `const` or `let` with what it declares. */
interface Candidate {
  list: ts.VariableDeclarationList;
  names: ts.Identifier[];
  /** What its names can be seen in. */
  scope: ts.Node;
  isInLoop: boolean;
}

/** What a function does with one name. */
interface Use {
  candidates: Candidate[];
  /** Whether something else declares it, too: a parameter, a function, a `catch`. */
  isDeclaredOtherwise: boolean;
  /** Whether it means the same in the whole function: nothing outside is called so there. */
  isOwn: boolean;
  places: ts.Node[];
  /** Whether a function inside uses it. */
  isCaptured: boolean;
}

type Edit = [at: number, remove: number, insert: string];

/** @param code JavaScript; the lines stay where they are */
export function unblockVariables(code: string): string {
  const file = ts.createSourceFile("code.js", code, ts.ScriptTarget.ES2022, true, ts.ScriptKind.JS);
  const edits: Edit[] = [];
  usesIn(file, edits);
  let changed = "";
  let from = 0;
  for (const [at, remove, insert] of edits.sort(([a], [b]) => a - b)) {
    changed += code.slice(from, at) + insert;
    from = at + remove;
  }
  return changed + code.slice(from);
}

/** The names that a function, or a file, uses and that its parameters and body do not declare. */
function usesIn(root: ts.Node, edits: Edit[]): Set<string> {
  const uses = new Map<string, Use>();
  const useOf = (name: string): Use => {
    const known = uses.get(name);
    if (known) return known;
    const use: Use = {
      candidates: [],
      isDeclaredOtherwise: false,
      isOwn: false,
      places: [],
      isCaptured: false,
    };
    uses.set(name, use);
    return use;
  };
  const declareOtherwise = (name: ts.BindingName | undefined, isOwn: boolean): void => {
    for (const { text } of namesOf(name)) {
      const use = useOf(text);
      use.isDeclaredOtherwise = true;
      use.isOwn ||= isOwn;
    }
  };
  const candidates: Candidate[] = [];

  /** @param isInClass what a class sets fields to is evaluated for each object, later */
  const visit = (node: ts.Node, scope: ts.Node, isInLoop: boolean, isInClass: boolean): void => {
    if (node !== root && ts.isFunctionLike(node)) {
      if (ts.isFunctionDeclaration(node)) declareOtherwise(node.name, scope.parent === root);
      if (node.name && ts.isComputedPropertyName(node.name)) {
        visit(node.name, scope, isInLoop, isInClass);
      }
      for (const name of usesIn(node, edits)) {
        const use = useOf(name);
        use.places.push(node);
        use.isCaptured = true;
      }
      return;
    }
    if (ts.isIdentifier(node) && isReference(node)) {
      const use = useOf(node.text);
      use.places.push(node);
      if (isInClass) use.isCaptured = true;
    }
    if (ts.isParameter(node)) declareOtherwise(node.name, true);
    if (ts.isClassLike(node)) declareOtherwise(node.name, false);
    if (ts.isCatchClause(node)) declareOtherwise(node.variableDeclaration?.name, false);
    if (ts.isVariableDeclarationList(node)) {
      if (isVar(node)) {
        for (const { name } of node.declarations) declareOtherwise(name, true);
      } else {
        const names = node.declarations.flatMap(({ name }) => namesOf(name));
        const candidate = { list: node, names, scope, isInLoop };
        candidates.push(candidate);
        for (const { text } of names) {
          const use = useOf(text);
          use.candidates.push(candidate);
          use.isOwn ||= scope.parent === root;
        }
      }
    }
    const inner = isScope(node) ? node : scope;
    const isLoop = ts.isIterationStatement(node, false);
    const isClass = ts.isClassLike(node);
    ts.forEachChild(node, (child) => visit(child, inner, isInLoop || isLoop, isInClass || isClass));
  };
  visit(root, root, false, false);

  if (ts.isFunctionLike(root)) {
    for (const candidate of candidates) {
      if (candidate.names.every(({ text }) => isFree(useOf(text))))
        edits.push(...change(candidate));
    }
  }
  return new Set([...uses].filter(([, { isOwn }]) => !isOwn).map(([name]) => name));
}

/** Whether one variable in the whole function can be all that are called so. */
function isFree({ candidates, isDeclaredOtherwise, places, isCaptured }: Use): boolean {
  if (isDeclaredOtherwise) return false;
  if (isCaptured && (candidates.length > 1 || candidates[0]?.isInLoop)) return false;
  const isWithin = (node: ts.Node, scope: ts.Node) =>
    node.pos >= scope.pos && node.end <= scope.end;
  return (
    places.every((place) => candidates.some(({ scope }) => isWithin(place, scope))) &&
    candidates.every(({ scope }, i) =>
      candidates.every((other, j) => i === j || !isWithin(other.scope, scope)),
    )
  );
}

function change({ list }: Candidate): Edit[] {
  const edits: Edit[] = [];
  const keyword = list.flags & ts.NodeFlags.Const ? "const" : "let";
  edits.push([list.getStart(), keyword.length, "var"]);
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

/** Whether it is `var`, rather than `const` or `let`. */
export function isVar(list: ts.VariableDeclarationList): boolean {
  return (list.flags & ts.NodeFlags.BlockScoped) === 0;
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

/** The variables that a name or a pattern declares. */
function namesOf(name: ts.BindingName | undefined): ts.Identifier[] {
  if (!name) return [];
  if (ts.isIdentifier(name)) return [name];
  return name.elements.flatMap((element) =>
    ts.isBindingElement(element) ? namesOf(element.name) : [],
  );
}
