/** The daemon's command line, in the syntax of Go's flag package, as the reference has it. */
import { defaultTiming, type Timing } from "../client-state.ts";
import { defaultSocketPath } from "./places.ts";

export interface DaemonFlags {
  readonly pidFile: string;
  readonly hostPrefix: string;
  readonly socketPath: string;
  readonly broadcast: boolean;
  readonly timing: Timing;
  readonly releaseOnExit: boolean;
  /** A plugin has started us: nothing that becomes of it is to end us. Not for people. */
  readonly detach: boolean;
}

/** What is wrong with the command line; with an empty message, somebody asks for help. */
export class FlagError extends Error {
  override name = "FlagError";
}

const { timeout, resendMax, resendTimeout } = defaultTiming;

export const usage = `Usage: dhcp daemon [flags]
  -broadcast            ask servers to broadcast their replies
  -hostprefix PREFIX    what stands before the paths of socket and namespaces, for a daemon in a
                        container that has the host's root mounted there
  -pidfile FILE         where to write the process id; absolute
  -release-on-exit      give all leases back at SIGTERM; without it they are kept, and the next
                        daemon goes on with them
  -resendmax DURATION   the longest wait for a reply; default ${resendMax}s
  -resendtimeout DURATION
                        how long a first acquisition may take in all; default ${resendTimeout}s
  -socketpath FILE      default ${defaultSocketPath}; the leases are kept beside it
  -timeout DURATION     the first wait for a reply, each further one is twice as long; default ${timeout}s
`;

const unitSeconds: Readonly<Record<string, number>> = {
  ns: 1e-9,
  us: 1e-6,
  µs: 1e-6,
  ms: 1e-3,
  s: 1,
  m: 60,
  h: 3600,
};

/** Seconds of a duration as Go writes it: `10s`, `1m30s`, `500ms`. Negative ones are refused. */
export function parseDuration(text: string): number | undefined {
  if (text === "0") return 0;
  const whole = /^\+?(?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|ms|s|m|h))+$/;
  if (!whole.test(text)) return undefined;
  let seconds = 0;
  for (const [, number, unit = ""] of text.matchAll(/([\d.]+)(ns|us|µs|ms|s|m|h)/g)) {
    seconds += Number(number) * (unitSeconds[unit] ?? 0);
  }
  return seconds;
}

/** @throws {FlagError} */
export function parseFlags(args: readonly string[]): DaemonFlags {
  const texts = new Map<string, string>();
  const bools = new Map<string, boolean>();
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] as string;
    if (!arg.startsWith("-") || arg === "-") throw new FlagError(`unexpected argument "${arg}"`);
    if (arg === "--") break;
    const [, name = "", , value] = /^--?([^=]*)(=(.*))?$/s.exec(arg) ?? [];
    if (name === "h" || name === "help") throw new FlagError("");
    if (boolNames.includes(name)) bools.set(name, parseBool(name, value ?? "true"));
    else if (!textNames.includes(name))
      throw new FlagError(`flag provided but not defined: -${name}`);
    else {
      const given = value ?? args[++i];
      if (given === undefined) throw new FlagError(`flag needs an argument: -${name}`);
      texts.set(name, given);
    }
  }
  const duration = (name: string, otherwise: number) => {
    const text = texts.get(name);
    if (text === undefined) return otherwise;
    const seconds = parseDuration(text);
    if (seconds !== undefined && seconds > 0) return seconds;
    throw new FlagError(`invalid value "${text}" for flag -${name}: it must be as 10s or 1m30s`);
  };
  const pidFile = texts.get("pidfile") ?? "";
  if (pidFile !== "" && !pidFile.startsWith("/")) {
    throw new FlagError(`-pidfile must be absolute: ${pidFile}`);
  }
  return {
    pidFile,
    hostPrefix: texts.get("hostprefix") ?? "",
    socketPath: texts.get("socketpath") || defaultSocketPath,
    broadcast: bools.get("broadcast") ?? false,
    detach: bools.get("detach") ?? false,
    releaseOnExit: bools.get("release-on-exit") ?? false,
    timing: {
      timeout: duration("timeout", timeout),
      resendMax: duration("resendmax", resendMax),
      resendTimeout: duration("resendtimeout", resendTimeout),
    },
  };
}

const boolNames: readonly string[] = ["broadcast", "detach", "release-on-exit"];
const textNames: readonly string[] = [
  "pidfile",
  "hostprefix",
  "socketpath",
  "timeout",
  "resendmax",
  "resendtimeout",
];

function parseBool(name: string, text: string): boolean {
  if (/^(1|t|T|true|TRUE|True)$/.test(text)) return true;
  if (/^(0|f|F|false|FALSE|False)$/.test(text)) return false;
  throw new FlagError(`invalid boolean value "${text}" for -${name}`);
}
