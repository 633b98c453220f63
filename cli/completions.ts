/**
 * Completions for shells, of a command that was installed as `vqmodel`.
 *
 * @module
 */

import { type Command, nameOf, UsageError } from "./arguments.ts";
import { type Option, type OptionName, OPTIONS } from "./options.ts";

const SHELLS = { bash, zsh, fish } as const;

/**
 * The script that a shell reads, as in `source <(vqmodel --completions bash)`.
 *
 * @throws {UsageError} for another shell
 */
export function completions(shell: string | undefined, commands: readonly Command[]): string {
  if (shell !== undefined && Object.hasOwn(SHELLS, shell)) return SHELLS[shell as keyof typeof SHELLS](commands);
  throw new UsageError(
    `--completions takes bash, zsh or fish, found ${shell === undefined ? "nothing" : `"${shell}"`}`,
  );
}

/** The words that may come first, and those that come second after one of them. */
function wordsOf(commands: readonly Command[]): Map<string, string[]> {
  const words = new Map<string, string[]>();
  for (const [first, second] of commands.map((command) => nameOf(command).split(" "))) {
    words.set(first, [...words.get(first) ?? [], ...second ? [second] : []]);
  }
  return words;
}

/** What a first word does: a command's summary, or the commands that it introduces. */
function summaryOf(first: string, commands: readonly Command[]): string {
  const members = commands.filter((command) => nameOf(command).split(" ")[0] === first);
  const [{ summary }] = members;
  return nameOf(members[0]) === first ? summary : members.map((command) => nameOf(command).split(" ")[1]).join(", ");
}

function optionsOf(command: Command): { name: OptionName; option: Option }[] {
  return command.options.map((name) => ({ name, option: command.own?.[name] ?? OPTIONS[name] }));
}

function bash(commands: readonly Command[]): string {
  const words = wordsOf(commands);
  const groups = [...words].filter(([, second]) => second.length > 0);
  const values = Object.entries<Option>(OPTIONS).flatMap(([name, { choices }]) => {
    return choices ? [`    --${name}) COMPREPLY=($(compgen -W '${choices.join(" ")}' -- "$word")); return ;;`] : [];
  });
  const cases = commands.map((command) => {
    const names = optionsOf(command).map(({ name }) => `--${name}`).join(" ");
    return `    '${nameOf(command)}') options='${names}' ;;`;
  });
  return `_vqmodel() {
  local word="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" command="\${COMP_WORDS[1]}" options=
  COMPREPLY=()
  if [ "$COMP_CWORD" = 1 ]; then COMPREPLY=($(compgen -W '${[...words.keys()].join(" ")}' -- "$word")); return; fi
  case "$command" in
${
    groups.map(([first, second]) =>
      `    ${first}) if [ "$COMP_CWORD" = 2 ]; then COMPREPLY=($(compgen -W '${
        second.join(" ")
      }' -- "$word")); return; fi
      command="$command \${COMP_WORDS[2]}" ;;`
    ).join("\n")
  }
  esac
  case "$previous" in
${values.join("\n")}
  esac
  case "$command" in
${cases.join("\n")}
  esac
  case "$word" in
    -*) COMPREPLY=($(compgen -W "$options" -- "$word")) ;;
    *) local IFS=$'\\n'; COMPREPLY=($(compgen -f -- "$word")) ;;
  esac
}
complete -o filenames -F _vqmodel vqmodel`;
}

function zsh(commands: readonly Command[]): string {
  const rows = (of: readonly (readonly [string, string])[]) =>
    of.map(([name, text]) => `      ${quoted(`${name}:${text}`)}`).join("\n");
  const words = wordsOf(commands);
  const firsts = [...words.keys()].map((first) => [first, summaryOf(first, commands)] as const);
  const groups = [...words].filter(([, second]) => second.length > 0).map(([first]) => {
    const members = commands.filter((command) => nameOf(command).startsWith(`${first} `));
    const seconds = members.map((command) => [nameOf(command).split(" ")[1], command.summary] as const);
    return `  if [[ $command == ${first} ]]; then
    if (( CURRENT == 3 )); then
      local -a seconds=(
${rows(seconds)}
      )
      _describe command seconds
      return
    fi
    command="$command $words[3]"
    (( skip = 3 ))
  fi`;
  });
  const cases = commands.map((command) => {
    const specs = optionsOf(command).map(({ name, option }) => {
      const value = option.type === "boolean"
        ? ""
        : `:${name}:${option.choices ? `(${option.choices.join(" ")})` : "_files"}`;
      return `      ${quoted(`--${name}[${option.help.replaceAll(/[[\]:]/g, "\\$&")}]${value}`)}`;
    });
    return `    '${nameOf(command)}') specs=(\n${specs.join("\n")}\n    ) ;;`;
  });
  return `#compdef vqmodel
_vqmodel() {
  local command=$words[2] skip=2
  local -a specs
  if (( CURRENT == 2 )); then
    local -a firsts=(
${rows(firsts)}
    )
    _describe command firsts
    return
  fi
${groups.join("\n")}
  case $command in
${cases.join("\n")}
  esac
  words=("\${(@)words[skip,-1]}")
  (( CURRENT -= skip - 1 ))
  _arguments $specs '*:file:_files'
}
compdef _vqmodel vqmodel`;
}

function fish(commands: readonly Command[]): string {
  const words = wordsOf(commands);
  const lines = [...words.keys()].map((first) => {
    const summary = summaryOf(first, commands);
    return `complete -c vqmodel -n __fish_use_subcommand -f -a ${first} -d ${quoted(summary)}`;
  });
  for (const command of commands) {
    const [first, second] = nameOf(command).split(" ");
    if (second) {
      const seconds = words.get(first)!.join(" ");
      const isFirst = `'__fish_seen_subcommand_from ${first}; and not __fish_seen_subcommand_from ${seconds}'`;
      lines.push(`complete -c vqmodel -n ${isFirst} -f -a ${second} -d ${quoted(command.summary)}`);
    }
    const seen = `'__fish_seen_subcommand_from ${first}${second ? `; and __fish_seen_subcommand_from ${second}` : ""}'`;
    for (const { name, option } of optionsOf(command)) {
      const value = option.choices
        ? ` -x -a ${quoted(option.choices.join(" "))}`
        : option.type === "string"
        ? " -r"
        : "";
      const short = option.short ? ` -s ${option.short}` : "";
      lines.push(`complete -c vqmodel -n ${seen} -l ${name}${short}${value} -d ${quoted(option.help)}`);
    }
  }
  return lines.join("\n");
}

/** A word for a shell, in single quotes, which it may not contain: shells differ in how to write them. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "’")}'`;
}
