/**
 * The `iptables` program, run as the reference runs it (go-iptables): the binary of the family, from
 * PATH, one operation per run, `--wait` at the end. Only for configs that ask for it, and for kernels
 * without nf_tables.
 */

import { findProgram, type ProgramOutput, runProgram } from "../kernel/programs.ts";
import type { IpFamily } from "./iptables-legacy.ts";

/** What iptables says of what is not there, in its versions. Source: go-iptables, IsNotExist. */
const absentTexts = [
  "Bad rule",
  "No chain/target/match by that name",
  "No such file or directory",
  "does not exist",
];

/** One table of one family. */
export class Iptables {
  readonly #path: string;
  readonly #table: string;

  private constructor(path: string, table: string) {
    this.#path = path;
    this.#table = table;
  }

  /** Undefined if there is no such program. */
  static find(family: IpFamily, table: string): Iptables | undefined {
    const path = findProgram(programs[family]);
    return path === undefined ? undefined : new Iptables(path, table);
  }

  /** For what the old iptables made: the program of that name, where the usual one is the new. */
  static findLegacy(family: IpFamily, table: string): Iptables | undefined {
    const path = findProgram(`${programs[family]}-legacy`) ?? findProgram(programs[family]);
    return path === undefined ? undefined : new Iptables(path, table);
  }

  hasChain(chain: string): boolean {
    return this.#test("-S", chain, "1");
  }

  ensureChain(chain: string): void {
    // Another process may have made it since: exit 1.
    if (!this.hasChain(chain)) this.#run(["-N", chain], [0, 1]);
  }

  hasRule(chain: string, ...rule: readonly string[]): boolean {
    return this.#test("-C", chain, ...rule);
  }

  append(chain: string, ...rule: readonly string[]): void {
    this.#run(["-A", chain, ...rule]);
  }

  appendUnique(chain: string, ...rule: readonly string[]): void {
    if (!this.hasRule(chain, ...rule)) this.append(chain, ...rule);
  }

  /** Puts a rule before all others, unless it stands somewhere already. */
  insertUnique(chain: string, ...rule: readonly string[]): void {
    if (!this.hasRule(chain, ...rule)) this.#run(["-I", chain, "1", ...rule]);
  }

  /** That there is no such rule, or no such chain, is fine. */
  delete(chain: string, ...rule: readonly string[]): void {
    const output = this.#start(["-D", chain, ...rule]);
    if (!isAbsent(output)) this.#expect(["-D", chain, ...rule], output, [0]);
  }

  flushChain(chain: string): void {
    this.#run(["-F", chain]);
  }

  /** Empties a chain and removes it; that there is none is fine. */
  deleteChain(chain: string): void {
    const flushed = this.#start(["-F", chain]);
    if (isAbsent(flushed)) return;
    this.#expect(["-F", chain], flushed, [0]);
    this.#run(["-X", chain]);
  }

  /** The rules of a chain, each as the arguments that would append it: `["-A", chain, ...]`. */
  list(chain: string): string[][] {
    const { stdout } = this.#run(["-S", chain]);
    const lines = stdout.split("\n").map((line) => line.replace(/^\[\d+:\d+\] /, ""));
    return lines.filter((line) => line.startsWith("-A ")).map(splitWords);
  }

  #test(...args: readonly string[]): boolean {
    return this.#run(args, [0, 1]).status === 0;
  }

  #run(args: readonly string[], good: readonly number[] = [0]): ProgramOutput {
    const output = this.#start(args);
    this.#expect(args, output, good);
    return output;
  }

  #start(args: readonly string[]): ProgramOutput {
    return runProgram(this.#path, ["-t", this.#table, ...args, "--wait"]);
  }

  #expect(args: readonly string[], output: ProgramOutput, good: readonly number[]): void {
    if (output.status !== null && good.includes(output.status)) return;
    const why = output.stderr.trim() || `exit status ${output.status ?? "none"}`;
    throw new Error(`Cannot run ${this.#path} -t ${this.#table} ${args.join(" ")}: ${why}`);
  }
}

const programs = { ip: "iptables", ip6: "ip6tables" } as const;

function isAbsent({ status, stderr }: ProgramOutput): boolean {
  return status !== 0 && absentTexts.some((text) => stderr.includes(text));
}

/** Words as iptables quotes them: in double quotes, with a backslash before what is special. */
export function splitWords(line: string): string[] {
  const words: string[] = [];
  for (const [word] of line.matchAll(/(?:"(?:\\.|[^"\\])*"|\\.|[^\s"\\])+/g)) {
    words.push(
      word.replace(/"((?:\\.|[^"\\])*)"|\\(.)/g, (_all, quoted?: string, escaped?: string) =>
        quoted === undefined ? (escaped ?? "") : quoted.replace(/\\(.)/g, "$1"),
      ),
    );
  }
  return words;
}
