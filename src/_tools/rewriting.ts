/** What the tools that rewrite bundles share. */
import ts from "typescript";

export type Edit = [at: number, removed: number, inserted: string];

/** The code with these changes, which must not overlap. */
export function edited(code: string, edits: readonly Edit[]): string {
  let text = "";
  let from = 0;
  for (const [at, removed, inserted] of [...edits].sort(([a], [b]) => a - b)) {
    text += code.slice(from, at) + inserted;
    from = at + removed;
  }
  return text + code.slice(from);
}

/** @throws where it is not as TypeScript understands JavaScript: what it takes it for may be anything */
export function parseJavaScript(code: string): ts.SourceFile {
  const file: ts.SourceFile & { parseDiagnostics?: readonly ts.Diagnostic[] } = ts.createSourceFile(
    "code.js",
    code,
    ts.ScriptTarget.ES2022,
    true,
    ts.ScriptKind.JS,
  );
  const [mistake] = file.parseDiagnostics ?? [];
  if (!mistake) return file;
  const { line } = file.getLineAndCharacterOfPosition(mistake.start ?? 0);
  const text = ts.flattenDiagnosticMessageText(mistake.messageText, " ");
  throw new Error(`Cannot rewrite line ${line + 1}: ${text}`);
}

/** Whether it is `var`, rather than `const` or `let`. */
export function isVar(list: ts.VariableDeclarationList): boolean {
  return (list.flags & ts.NodeFlags.BlockScoped) === 0;
}
