/**
 * cnitool: networks by hand, as a runtime does it.
 *
 *     CNI_PATH=/opt/cni/bin cnitool add web /run/netns/blue
 *
 * Reference: cnitool/. Differs on purpose: an error is printed once, and the usage only where the
 * command line was wrong; the namespace is optional for gc and status; there are more flags.
 */
import { CniError, errorCodes, toErrorJson } from "../cni/errors.ts";
import type { Io } from "../cni/outside.ts";
import { suggest } from "../cni/suggest.ts";
import { cniErrorOf, messageOf } from "../libcni/errors.ts";
import { carryOut } from "./commands.ts";
import { readCommandLine, UsageError } from "./flags.ts";
import { commands, helpText, isCommand, usageText } from "./usage.ts";

export default {
  /** @returns the exit status: 0, or 1 with the error on stderr */
  run(process: Io, args: readonly string[]): number {
    const io = withWholeLines(process);
    try {
      const line = readCommandLine(args);
      const { command } = line;
      if (command === undefined) io.writeStdout(helpText(undefined));
      else if (isCommand(command)) carryOut(io, command, line);
      else throw unknownCommand(command);
      return 0;
    } catch (error) {
      report(io, args, error);
      return 1;
    }
  },
};

/** A message of ours begins on a line of its own, also after a plugin's words without a line break. */
function withWholeLines(io: Io): Io {
  let isWithinLine = false;
  return {
    ...io,
    writeStderr(data) {
      if (typeof data === "string" && isWithinLine) io.writeStderr("\n");
      io.writeStderr(data);
      const last = data[data.length - 1];
      if (last !== undefined) isWithinLine = last !== "\n" && last !== 0x0a;
    },
  };
}

class UnknownCommand extends UsageError {}

function unknownCommand(name: string): UnknownCommand {
  const meant = suggest(name, Object.keys(commands));
  const hint = meant ? `\n\nDid you mean this?\n\t${meant}\n` : "";
  return new UnknownCommand(`unknown command "${name}" for "cnitool"${hint}`);
}

function report(io: Io, args: readonly string[], error: unknown): void {
  if (args.some((arg) => /^--json(=(1|t|true))?$/i.test(arg))) {
    const { code = errorCodes.Internal, details = "" } = cniErrorOf(error) ?? {};
    const message = messageOf(error);
    const msg = details === "" ? message : message.replace(`; ${details}`, "");
    io.writeStdout(toErrorJson(CniError.of(code, msg, details)));
    return;
  }
  io.writeStderr(`Error: ${messageOf(error)}\n`);
  if (error instanceof UnknownCommand) io.writeStderr("Run 'cnitool --help' for usage.\n");
  else if (error instanceof UsageError) {
    io.writeStderr(usageText(isCommand(error.command) ? error.command : undefined));
  }
}
