/**
 * Scripts that complete cnitool's command lines: commands and flags, names of networks after a
 * command, and then paths.
 */
import { type Flag, flags } from "./flags.ts";
import { commands } from "./usage.ts";

const commandWords = Object.keys(commands).join(" ");
const flagWords = Object.keys(flags)
  .map((name) => `--${name}`)
  .join(" ");

/** Prints the networks' names: each config has its own name before its plugins'. */
const networks =
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the shell's
  'grep -hsom1 \'"name" *: *"[^"]*"\' "${NETCONFPATH:-/etc/cni/net.d}"/*.conf* | cut -d\'"\' -f4';

const scripts: Readonly<Record<string, () => string>> = { bash, fish, powershell, zsh };

/** The script for a shell; undefined for one that we do not know. */
export function completionScript(shell: string): string | undefined {
  return Object.keys(scripts).includes(shell) ? scripts[shell]?.() : undefined;
}

function bash(): string {
  return `# Completion of cnitool for bash: source <(cnitool completion bash)
_cnitool() {
  local word=\${COMP_WORDS[COMP_CWORD]}
  case $word in
    -*) COMPREPLY=($(compgen -W "${flagWords}" -- "$word")); return ;;
  esac
  case $COMP_CWORD in
    1) COMPREPLY=($(compgen -W "${commandWords}" -- "$word")) ;;
    2) COMPREPLY=($(compgen -W "$(${networks})" -- "$word")) ;;
    *) COMPREPLY=($(compgen -f -- "$word")) ;;
  esac
}
complete -o filenames -F _cnitool cnitool
`;
}

function zsh(): string {
  return `#compdef cnitool
# Completion of cnitool for zsh: source <(cnitool completion zsh)
_cnitool() {
  if [[ $PREFIX == -* ]]; then
    compadd -- ${flagWords}
  elif (( CURRENT == 2 )); then
    compadd -- ${commandWords}
  elif (( CURRENT == 3 )); then
    compadd -- \${(f)"$(${networks})"}
  else
    _files
  fi
}
compdef _cnitool cnitool
`;
}

function fish(): string {
  const first = "__fish_use_subcommand";
  const commandLines = Object.entries(commands).map(
    ([name, { summary }]) =>
      `complete -c cnitool -f -n ${first} -a ${name} -d ${quoted(summary)}\n`,
  );
  const flagLines = Object.entries(flags as { [name: string]: Flag }).map(
    ([name, { short, kind, summary }]) =>
      `complete -c cnitool -l ${name}${short ? ` -s ${short}` : ""}${kind === "switch" ? "" : " -r"} -d ${quoted(summary)}\n`,
  );
  return `# Completion of cnitool for fish: cnitool completion fish | source
${commandLines.join("")}${flagLines.join("")}`;
}

function powershell(): string {
  const words = [...Object.keys(commands), ...flagWords.split(" ")];
  return `# Completion of cnitool for PowerShell: cnitool completion powershell | Out-String | Invoke-Expression
Register-ArgumentCompleter -Native -CommandName cnitool -ScriptBlock {
  param($word)
  ${words.map(quoted).join(", ")} | Where-Object { $_ -like "$word*" }
}
`;
}

function quoted(text: string): string {
  return `'${text.replace(/'/g, "''")}'`;
}
