/** What cnitool says about itself. */
import { type Flag, flags, flagsOf } from "./flags.ts";

interface Command {
  /** The arguments, as the usage shows them. */
  synopsis: string;
  summary: string;
  /** More about it, for its own help. */
  more?: string;
}

const names = "<network-name> <netns>";

/** By name, in the order of the usage. */
export const commands = {
  add: {
    synopsis: names,
    summary: "Attach a network namespace to a network",
    more: "Prints the result of the last plugin, and caches it for check, del and gc.",
  },
  check: { synopsis: names, summary: "Check that an attachment is still as add has made it" },
  completion: {
    synopsis: "bash|fish|powershell|zsh",
    summary: "Print a script that completes command lines",
  },
  del: { synopsis: names, summary: "Detach a network namespace from a network" },
  gc: {
    synopsis: "<network-name> [netns]",
    summary: "Delete what no valid attachment owns",
    more: `Without --valid no attachment is valid: all that are cached of the network are deleted, and
the plugins, which are told nothing, decide by themselves what else is. The namespace is ignored.`,
  },
  help: { synopsis: "[command]", summary: "Show the help of a command" },
  status: {
    synopsis: "<network-name> [netns]",
    summary: "Ask the plugins whether they are ready for add",
    more: "The namespace is ignored.",
  },
} as const satisfies { readonly [name: string]: Command };

export type CommandName = keyof typeof commands;

export function isCommand(name: string | undefined): name is CommandName {
  return name !== undefined && Object.keys(commands).includes(name);
}

const intro = `cnitool attaches network namespaces to networks, as a container runtime does it.

The network is the one of this name in $NETCONFPATH (default /etc/cni/net.d); its plugins are looked
for in $CNI_PATH, and the built-in ones are there without it.
CNI_ARGS holds arguments for the plugins (K=V;K=V), CAP_ARGS the capability arguments (a JSON object).
`;

/** The help of a command, or of all. */
export function helpText(command: CommandName | undefined): string {
  if (!command) return `${intro}\n${usageText(undefined)}`;
  const { summary, more }: Command = commands[command];
  return `${summary}.\n${more ? `${more}\n` : ""}\n${usageText(command)}`;
}

/** How a command is called. */
export function usageText(command: CommandName | undefined): string {
  const flagLines = flagsOf(command).map((name) => {
    const { short, value, summary }: Flag = flags[name];
    const letter = short ? `-${short}, ` : "    ";
    return row(`${letter}--${name}${value ? ` ${value}` : ""}`, 25, summary);
  });
  const flagPart = `Flags:\n${flagLines.join("")}`;
  if (command) {
    return `Usage:\n  cnitool ${command} ${commands[command].synopsis} [flags]\n\n${flagPart}`;
  }
  const list = Object.entries(commands).map(([name, { summary }]) => row(name, 11, summary));
  return `Usage:
  cnitool [command]

Available Commands:
${list.join("")}
${flagPart}
Use "cnitool [command] --help" for more information about a command.
`;
}

function row(left: string, width: number, right: string): string {
  return `  ${left.padEnd(width)} ${right}\n`;
}
