/** The command line: which command, which flags, and the other arguments. */

/** What a flag takes: nothing, a text, or a text each time it is given. */
export interface Flag {
  kind: "switch" | "text" | "list";
  /** The letter for `-x`. */
  short?: string;
  /** What the usage calls its value. */
  value?: string;
  summary: string;
  /** The commands that have it; default: all. */
  commands?: readonly string[];
}

const attachment = ["add", "check", "del"] as const;

/** By long name, in the order of the usage. */
export const flags = {
  "cache-dir": {
    kind: "text",
    value: "DIR",
    summary: "where results are cached, in its folder results (default /var/lib/cni)",
  },
  "container-id": {
    kind: "text",
    value: "ID",
    summary: "the container, as its runtime names it (default: made of the namespace's path)",
    commands: attachment,
  },
  "create-netns": {
    kind: "switch",
    summary: "make the network namespace if it is not there",
    commands: ["add"],
  },
  "dry-run": {
    kind: "switch",
    summary: "only tell which attachments would be deleted",
    commands: ["gc"],
  },
  help: { kind: "switch", short: "h", summary: "show this text" },
  ifname: {
    kind: "text",
    short: "i",
    value: "NAME",
    summary: "the interface in the container (default $CNI_IFNAME, or eth0)",
  },
  json: { kind: "switch", summary: "print a failure as a CNI error object on stdout" },
  rollback: {
    kind: "switch",
    summary: "undo what the plugins before the failed one have done",
    commands: ["add"],
  },
  timeout: {
    kind: "text",
    value: "TIME",
    summary: "kill a plugin that takes longer, e.g. 30s or 500ms (default: wait)",
  },
  valid: {
    kind: "list",
    value: "ID/IFNAME",
    summary: "an attachment to keep; can be repeated, or a list with commas (default: none)",
    commands: ["gc"],
  },
} as const satisfies { readonly [name: string]: Flag };

export type FlagName = keyof typeof flags;

/** What was given: a switch is "true", of a repeated text the last counts. */
export type FlagValues = { readonly [name in FlagName]?: readonly string[] };

/** A mistake in how we were called; the usage of `command` may help. */
export class UsageError extends Error {
  constructor(
    message: string,
    readonly command?: string,
  ) {
    super(message);
  }
}

export interface CommandLine {
  /** The first argument that is no flag. */
  command: string | undefined;
  /** Those after it. */
  args: string[];
  given: FlagValues;
}

/** The flags that a command has; those that all have, where there is none. */
export function flagsOf(command: string | undefined): FlagName[] {
  return (Object.keys(flags) as FlagName[]).filter((name) => {
    const { commands }: Flag = flags[name];
    return !commands || (command !== undefined && commands.includes(command));
  });
}

/**
 * Reads the command line. Flags may stand anywhere before `--`, the command's own too.
 * @throws {UsageError}
 */
export function readCommandLine(args: readonly string[]): CommandLine {
  const command = findCommand(args);
  const known = flagsOf(command);
  const given: { [name in FlagName]?: string[] } = {};
  const others: string[] = [];
  const rest = [...args];
  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    if (arg === "--") others.push(...rest.splice(0));
    else if (!arg.startsWith("-") || arg === "-") others.push(arg);
    else if (arg.startsWith("--")) readLong(arg);
    else readShort(arg.slice(1));
  }
  return { command, args: others.slice(command === undefined ? 0 : 1), given };

  function readLong(arg: string): void {
    const [, name = "", value] = /^--([^=]*)(?:=(.*))?$/s.exec(arg) ?? [];
    const flag = known.find((one) => one === name);
    if (!flag) throw new UsageError(`unknown flag: --${name}`, command);
    take(flag, `--${name}`, value);
  }

  /** One letter after the other, until one takes the remainder. */
  function readShort(letters: string): void {
    const [letter = "", ...more] = letters;
    const flag = known.find((name) => (flags[name] as Flag).short === letter);
    if (!flag) throw new UsageError(`unknown shorthand flag: '${letter}' in -${letters}`, command);
    const remainder = more.join("");
    if (remainder.startsWith("=")) take(flag, `-${letter}`, remainder.slice(1));
    else if (flags[flag].kind !== "switch")
      take(flag, `'${letter}' in -${letters}`, remainder || undefined);
    else {
      take(flag, `-${letter}`, undefined);
      if (remainder !== "") readShort(remainder);
    }
  }

  function take(flag: FlagName, shown: string, value: string | undefined): void {
    const { kind } = flags[flag];
    let text = kind === "switch" ? readSwitch(flag, value ?? "true") : (value ?? rest.shift());
    if (text === undefined) throw new UsageError(`flag needs an argument: ${shown}`, command);
    if (kind !== "list") given[flag] = [text];
    else {
      // An empty list is one too: it says that nothing is to be kept.
      given[flag] ??= [];
      for (text of text.split(",")) if (text !== "") given[flag]?.push(text);
    }
  }

  function readSwitch(flag: FlagName, text: string): string {
    if (/^(1|t|true)$/i.test(text)) return "true";
    if (/^(0|f|false)$/i.test(text)) return "";
    throw new UsageError(`invalid argument "${text}" for "--${flag}" flag`, command);
  }
}

function findCommand(args: readonly string[]): string | undefined {
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] as string;
    if (arg === "--") return args[i + 1];
    if (!arg.startsWith("-") || arg === "-") return arg;
    const takesNext = (Object.keys(flags) as FlagName[]).some((name) => {
      const { kind, short }: Flag = flags[name];
      return kind !== "switch" && (arg === `--${name}` || arg === `-${short}`);
    });
    if (takesNext) i++;
  }
  return undefined;
}

/** Milliseconds of `30s`, `500ms`, `2m` or, in seconds, `30`. @throws {UsageError} */
export function readDuration(text: string, command: string): number {
  const [, number = "", unit = "s"] = /^(\d+(?:\.\d+)?)(ms|s|m)?$/.exec(text) ?? [];
  const factor = unit === "ms" ? 1 : unit === "s" ? 1000 : 60_000;
  const milliseconds = Number(number) * factor;
  if (milliseconds > 0) return milliseconds;
  throw new UsageError(`invalid argument "${text}" for "--timeout" flag: not a time`, command);
}
