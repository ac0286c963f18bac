/** What each command does. */
import { formatResult } from "../cni/convert.ts";
import type { Io } from "../cni/outside.ts";
import { exists, makeDirectories } from "../kernel/files.ts";
import { Netns } from "../kernel/netns.ts";
import { addList, checkList, delList } from "../libcni/lists.ts";
import { run } from "../libcni/run.ts";
import type { Steps } from "../libcni/runtime.ts";
import { gcList, staleAttachments, statusList } from "../libcni/upkeep.ts";
import { completionScript } from "./completion.ts";
import { type CommandLine, readDuration, UsageError } from "./flags.ts";
import { type Request, readRequest, readValid, textOf } from "./request.ts";
import { type CommandName, helpText, isCommand, usageText } from "./usage.ts";

/** Carries out a command line that names a command. Throws what went wrong. */
export function carryOut(io: Io, command: CommandName, line: CommandLine): void {
  if (textOf(line, "help") !== "") io.writeStdout(helpText(command));
  else handlers[command](io, line);
}

const handlers: Readonly<Record<CommandName, (io: Io, line: CommandLine) => void>> = {
  add(io, line) {
    const { runtime, list, about } = readRequest(io, requiring(2, "add", line));
    const rollback = textOf(line, "rollback") !== "";
    const made = textOf(line, "create-netns") !== "" && createNetns(about.netns);
    try {
      const result = finish(io, line, addList(runtime, list, about, { rollback }));
      try {
        if (result) io.writeStdout(formatResult(result, result.cniVersion ?? ""));
      } catch (error) {
        // Nobody has heard of it.
        if (rollback) finish(io, line, delList(runtime, list, about));
        throw error;
      }
    } catch (error) {
      if (made) Netns.unpin(about.netns);
      throw error;
    }
  },

  check(io, line) {
    const { runtime, list, about } = readRequest(io, requiring(2, "check", line));
    finish(io, line, checkList(runtime, list, about));
  },

  del(io, line) {
    const { runtime, list, about } = readRequest(io, requiring(2, "del", line));
    finish(io, line, delList(runtime, list, about));
  },

  gc(io, line) {
    const valid = readValid(requiring(1, "gc", line));
    const request = readRequest(io, line);
    const { runtime, list } = request;
    if (textOf(line, "dry-run") !== "") {
      for (const { containerId, ifName } of list.disableGC
        ? []
        : staleAttachments(runtime, list, valid)) {
        io.writeStdout(`would delete ${containerId}/${ifName}\n`);
      }
      return;
    }
    if (!valid) warnOfAll(request);
    finish(io, line, gcList(runtime, list, valid));
  },

  status(io, line) {
    const { runtime, list } = readRequest(io, requiring(1, "status", line));
    finish(io, line, statusList(runtime, list));
  },

  completion(io, { args: [shell, extra] }) {
    if (shell === undefined) return io.writeStdout(helpText("completion"));
    const script = completionScript(shell);
    if (script === undefined || extra !== undefined) {
      throw new UsageError(`unknown shell "${extra ?? shell}"`, "completion");
    }
    io.writeStdout(script);
  },

  help(io, { args: [topic] }) {
    if (topic === undefined || isCommand(topic)) io.writeStdout(helpText(topic));
    else io.writeStderr(`Unknown help topic "${topic}"\n${usageText(undefined)}`);
  },
};

function requiring(count: number, command: CommandName, line: CommandLine): CommandLine {
  const received = line.args.length;
  if (received >= count) return line;
  const message = `requires at least ${count} arg(s), only received ${received}`;
  throw new UsageError(message, command);
}

function finish<T>(io: Io, line: CommandLine, steps: Steps<T>): T {
  const timeout = textOf(line, "timeout");
  return run(steps, io, {
    timeout: timeout === "" ? undefined : readDuration(timeout, line.command ?? ""),
  });
}

/** @returns false where something of this name is there already */
function createNetns(path: string): boolean {
  if (exists(path)) return false;
  makeDirectories(path.replace(/\/[^/]*$/, ""));
  Netns.create(path).close();
  return true;
}

function warnOfAll({ runtime, list }: Request): void {
  const count = list.disableGC ? 0 : staleAttachments(runtime, list).length;
  if (count > 0)
    runtime.warn(`no --valid given: deleting all ${count} attachments of ${list.name}`);
}
