/** An error with the place that it comes from, for stderr: some engines leave the message out of it. */
export function trace(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const head = `${error.name}: ${error.message}`;
  const stack = (error.stack ?? "").trimEnd();
  return stack.startsWith(head) ? stack : `${head}\n${stack}`.trimEnd();
}
