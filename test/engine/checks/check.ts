/** The few words that the checks are written in. They run on Node and on the engine. */

// biome-ignore lint/suspicious/noExplicitAny: the addon takes and gives whatever a check is about
export type Anything = any;

declare const __cniboxAddon: Record<string, Anything>;
export const addon: Record<string, Anything> = __cniboxAddon;

/** Compares by the text of {@link show}, so that arrays and objects can be given as they look. */
export function check(name: string, actual: unknown, expected: unknown): void {
  const [got, wanted] = [show(actual), show(expected)];
  addon.print(got === wanted ? `ok ${name}` : `not ok ${name}: ${got}, expected ${wanted}`);
}

/** What a call throws, as text; "nothing" if it does not. */
export function thrown(action: () => unknown): string {
  try {
    action();
    return "nothing";
  } catch (error) {
    return show(error);
  }
}

export function show(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "function") return `function ${value.name}`;
  if (Object.is(value, -0)) return "-0";
  if (value instanceof Error) {
    const { code } = value as { code?: unknown };
    return `${value.name}: ${value.message}${code === undefined ? "" : ` (${code})`}`;
  }
  if (Array.isArray(value)) return `[${value.map(show).join(", ")}]`;
  if (ArrayBuffer.isView(value)) return `${value.constructor.name} ${value}`;
  if (typeof value === "object" && value !== null) {
    return `{${Object.entries(value).map(([key, inner]) => `${key}: ${show(inner)}`)}}`;
  }
  return String(value);
}
