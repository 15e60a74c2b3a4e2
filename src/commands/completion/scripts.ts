import type { Command, OptionSpec } from '../command.ts';
import { flagNames, optionsOf } from '../options/commandOptions.ts';
import { argumentValues, optionValues, VALUE_KINDS, type ValueKind } from './valueKinds.ts';

/** What may follow a command's name. */
interface Entry {
  /** '' for the tool itself, 'schema', 'schema ls'. */
  readonly path: string;
  readonly words: readonly (readonly [word: string, summary: string])[];
  readonly options: readonly OptionSpec[];
  /** What the arguments of a command are names of. */
  readonly values?: ValueKind | undefined;
}

/** It knows commands, options and choices, and asks `anomaly __complete` for names on the cluster. */
export function completionScript(shell: 'bash' | 'zsh' | 'fish', commands: readonly Command[]): string {
  const entries = entriesOf(commands);
  if (shell === 'bash') return bashScript(entries);
  return shell === 'zsh' ? zshScript(entries) : fishScript(entries);
}

function entriesOf(commands: readonly Command[]): Entry[] {
  const families = new Set(commands.filter((each) => each.name.includes(' ')).map((each) => each.name.split(' ')[0]!));
  const tops = new Map<string, string>();
  for (const { name, summary } of commands) {
    const first = name.split(' ')[0]!;
    // One that stands for itself, too, comes before those below it.
    if (!tops.has(first)) tops.set(first, name !== first ? `commands of ${first}` : summary);
  }
  const root: Entry = { path: '', words: [...tops], options: [] };
  const below = (family: string) =>
    commands
      .filter((each) => each.name.startsWith(`${family} `))
      .map(({ name, summary }) => [name.slice(family.length + 1), summary] as const);
  const parents = [...families]
    .filter((family) => commands.every(({ name }) => name !== family))
    .map((family) => ({ path: family, words: below(family), options: [] }));
  const leaves = commands.map((command) => ({
    path: command.name,
    words: [
      ...below(command.name),
      ...(command.arguments ?? []).flatMap((argument) =>
        (argument.choices ?? []).map((choice) => [choice, ''] as const),
      ),
    ],
    options: optionsOf(command).filter((option) => option.hidden !== true),
    values: (command.arguments ?? []).map((argument) => argumentValues(command.name, argument)).find(Boolean),
  }));
  return [root, ...parents, ...leaves];
}

function choiceOptions(entries: readonly Entry[]): [names: string[], choices: readonly string[]][] {
  const found = new Map<string, [string[], readonly string[]]>();
  for (const option of entries.flatMap((entry) => entry.options)) {
    if (option.choices !== undefined) found.set(option.flags, [flagNames(option.flags), option.choices]);
  }
  return [...found.values()];
}

/** Flags by what their values are names of. */
function valueFlags(entries: readonly Entry[]): [kind: ValueKind, flags: readonly string[]][] {
  return VALUE_KINDS.map((kind) => {
    const options = entries.flatMap((entry) => entry.options).filter((option) => optionValues(option) === kind);
    return [kind, [...new Set(options.flatMap(({ flags }) => flagNames(flags)))]];
  });
}

function bashScript(entries: readonly Entry[]): string {
  const cases = entries.map((entry) => {
    const words = [...entry.words.map(([word]) => word), ...entry.options.flatMap((option) => flagNames(option.flags))];
    const values = entry.values === undefined ? '' : ` kind=${entry.values}`;
    return `    '${entry.path}') words='${words.join(' ')}'${values} ;;`;
  });
  const values = choiceOptions(entries).map(
    ([names, choices]) => `    ${names.join('|')}) words='${choices.join(' ')}' kind='' ;;`,
  );
  const named = valueFlags(entries).map(([kind, flags]) => `    ${flags.join('|')}) words='' kind=${kind} ;;`);
  // `path` would be zsh's PATH.
  return `# bash completion of anomaly
_anomaly() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" route='' words='' kind='' i word
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="\${COMP_WORDS[i]}"
    case " ${entries
      .filter((entry) => entry.path !== '')
      .map((entry) => entry.path.replace(' ', '/'))
      .join(' ')} " in
      *" \${route:+\${route// //}/}\${word} "*) route="\${route:+$route }\${word}" ;;
    esac
  done
  case "$route" in
${cases.join('\n')}
  esac
  case "$previous" in
${[...values, ...named].join('\n')}
  esac
  # Names on the cluster are asked for only where one may stand.
  if [[ -n "$kind" && "$current" != -* ]]; then
    words="$words $("\${COMP_WORDS[0]}" __complete "$kind" "$current" "\${COMP_WORDS[@]:1}" 2>/dev/null)"
  fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _anomaly anomaly
`;
}

function zshScript(entries: readonly Entry[]): string {
  return `#compdef anomaly
# zsh completion of anomaly, by way of the bash one
(( $+functions[compdef] )) || { autoload -U +X compinit && compinit }
autoload -U +X bashcompinit && bashcompinit
${bashScript(entries)}# As a file of fpath it is run by the first completion, which is to have an answer, too.
if [[ "\${funcstack[1]}" == _anomaly ]]; then _bash_complete -o default -F _anomaly; fi
`;
}

function fishScript(entries: readonly Entry[]): string {
  const quote = (text: string) => `'${text.replaceAll("'", "\\'")}'`;
  const lines = ['# fish completion of anomaly', 'complete -c anomaly -f'];
  const parents = new Set(
    entries.filter((entry) => entry.path.includes(' ')).map((entry) => entry.path.split(' ')[0]!),
  );
  for (const { path, words, options, values } of entries) {
    const condition = fishCondition(path, words, parents);
    for (const [word, summary] of words) {
      lines.push(
        `complete -c anomaly -n ${quote(condition)} -a ${word}${summary === '' ? '' : ` -d ${quote(summary)}`}`,
      );
    }
    if (values !== undefined) lines.push(`complete -c anomaly -n ${quote(condition)} -a ${quote(fishNames(values))}`);
    for (const option of options) {
      const names = flagNames(option.flags).map((name) =>
        name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`,
      );
      const value = fishValue(option, quote);
      lines.push(`complete -c anomaly -n ${quote(condition)} ${names.join(' ')}${value} -d ${quote(option.summary)}`);
    }
  }
  return `${lines.join('\n')}\n`;
}

function fishValue(option: OptionSpec, quote: (text: string) => string): string {
  if (option.choices !== undefined) return ` -x -a ${quote(option.choices.join(' '))}`;
  const kind = optionValues(option);
  if (kind !== undefined) return ` -x -a ${quote(fishNames(kind))}`;
  return option.flags.includes('<') ? ' -r' : '';
}

/** fish gives the words before the cursor one by one, the command first. */
function fishNames(kind: ValueKind): string {
  return `(set -l line (commandline -opc); $line[1] __complete ${kind} (commandline -ct) $line[2..-1] 2>/dev/null)`;
}

function fishCondition(path: string, words: Entry['words'], parents: ReadonlySet<string>): string {
  if (path === '') return '__fish_use_subcommand';
  const [first, second] = path.split(' ');
  if (second !== undefined) return `__fish_seen_subcommand_from ${first}; and __fish_seen_subcommand_from ${second}`;
  if (!parents.has(path)) return `__fish_seen_subcommand_from ${first}`;
  return `__fish_seen_subcommand_from ${first}; and not __fish_seen_subcommand_from ${words.map(([word]) => word).join(' ')}`;
}
