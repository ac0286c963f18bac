/**
 * The operator's list of the sysctls that a config may set.
 *
 * Reference: plugins/meta/tuning/tuning.go (readAllowlist, contains). Its patterns are RE2's, matched
 * anywhere in the key; ours are what the two languages have in common. What this engine would read
 * in another way than RE2 is refused, and so are the keys that get as far as to that pattern.
 */
import { CniError } from "../cni/errors.ts";
import { readText } from "../kernel/files.ts";

const path = "/etc/cni/tuning/allowlist.conf";

/**
 * Throws unless each key, as the config has it, matches a pattern. Without a file all are allowed.
 * @throws {CniError} InvalidNetworkConfig
 */
export function requireAllowed(keys: readonly string[]): void {
  const text = keys.length > 0 ? readText(path) : null;
  if (text === null) return;
  const lines = text.split("\n").map((line) => line.trim());
  const patterns = lines.filter((line) => line !== "");
  for (const key of keys) {
    if (patterns.some((pattern) => compile(pattern).test(key))) continue;
    throw invalid(
      `Sysctl ${key} is not allowed. Only the following sysctls are allowed: [${patterns.join(" ")}]`,
    );
  }
}

/** A character class of POSIX, inside brackets. */
const posixClasses: Readonly<Record<string, string>> = {
  alnum: "0-9A-Za-z",
  alpha: "A-Za-z",
  digit: "0-9",
  lower: "a-z",
  upper: "A-Z",
  space: "\\s",
  word: "\\w",
  xdigit: "0-9A-Fa-f",
};

/** Bracket expressions with what RE2 alone has in them, escapes, groups: what may need a translation. */
const special =
  /\[(\^?)(\]?)((?:\[:\^?\w+:\]|\\[\s\S]|[^\]\\])*)\]|\\([\s\S])|\(\?(?:P<\w+>|:|[\s\S]*)/g;

/** The pattern in this engine's language, in which an escape that means nothing is an error (`u`). */
export function compile(pattern: string): RegExp {
  const [, flag = ""] = /^\(\?(i)\)/.exec(pattern) ?? [];
  const body = flag ? pattern.slice(4) : pattern;
  try {
    const translated = body.replace(
      special,
      (whole, not?: string, first?: string, inside?: string, escaped?: string) => {
        if (escaped !== undefined) return translateEscape(escaped);
        if (inside !== undefined) return `[${not}${first && "\\]"}${translateClass(inside)}]`;
        if (whole === "(?:") return whole;
        if (whole.startsWith("(?P<")) return "(";
        throw new Error(`"${whole}" is not supported`);
      },
    );
    return new RegExp(translated, `u${flag}`);
  } catch (error) {
    throw invalid(`Cannot use ${path}: "${pattern}": ${(error as Error).message}`);
  }
}

function translateClass(inside: string): string {
  return inside.replace(
    /\[:(\w+):\]|\[:[\s\S]*|\\([\s\S])/g,
    (whole, name?: string, escaped?: string) => {
      if (escaped !== undefined) return escaped === "-" ? "\\-" : translateEscape(escaped);
      const members = posixClasses[name ?? ""];
      if (members === undefined) throw new Error(`"${whole}" is not supported`);
      return members;
    },
  );
}

function translateEscape(char: string): string {
  if (/[dDsSwWbBfnrtv]/.test(char)) return `\\${char}`;
  if (char === "A") return "^";
  if (char === "z") return "$";
  if (/[0-9A-Za-z]/.test(char)) throw new Error(`"\\${char}" is not supported`);
  return /[\^$\\.*+?()[\]{}|/]/.test(char) ? `\\${char}` : char;
}

function invalid(message: string): CniError {
  return new CniError("InvalidNetworkConfig", message);
}
