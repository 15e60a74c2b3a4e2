import type { Command, OptionSpec } from './command.ts';
import { flagNames, optionsOf } from './program.ts';

/** What may follow a command's name. */
interface Entry {
  /** '' for the tool itself, 'schema', 'schema ls'. */
  readonly path: string;
  readonly words: readonly (readonly [word: string, summary: string])[];
  readonly options: readonly OptionSpec[];
}

/** A static script: it knows commands, options and choices, and asks no broker. */
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
    if (!tops.has(first)) tops.set(first, families.has(first) ? `commands of ${first}` : summary);
  }
  const root: Entry = { path: '', words: [...tops], options: [] };
  const parents = [...families].map((family) => ({
    path: family,
    words: commands
      .filter((each) => each.name.startsWith(`${family} `))
      .map(({ name, summary }) => [name.slice(family.length + 1), summary] as const),
    options: [],
  }));
  const leaves = commands.map((command) => ({
    path: command.name,
    words: (command.arguments ?? []).flatMap((argument) =>
      (argument.choices ?? []).map((choice) => [choice, ''] as const),
    ),
    options: optionsOf(command).filter((option) => option.hidden !== true),
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

function bashScript(entries: readonly Entry[]): string {
  const cases = entries.map((entry) => {
    const words = [...entry.words.map(([word]) => word), ...entry.options.flatMap((option) => flagNames(option.flags))];
    return `    '${entry.path}') words='${words.join(' ')}' ;;`;
  });
  const values = choiceOptions(entries).map(
    ([names, choices]) => `    ${names.join('|')}) words='${choices.join(' ')}' ;;`,
  );
  return `# bash completion of anomaly
_anomaly() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" path='' words='' i word
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="\${COMP_WORDS[i]}"
    case " ${entries
      .filter((entry) => entry.path !== '')
      .map((entry) => entry.path.replace(' ', '/'))
      .join(' ')} " in
      *" \${path:+\${path// //}/}\${word} "*) path="\${path:+$path }\${word}" ;;
    esac
  done
  case "$path" in
${cases.join('\n')}
  esac
  case "$previous" in
${values.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _anomaly anomaly
`;
}

function zshScript(entries: readonly Entry[]): string {
  return `#compdef anomaly
# zsh completion of anomaly, by way of the bash one
autoload -U +X bashcompinit && bashcompinit
${bashScript(entries)}`;
}

function fishScript(entries: readonly Entry[]): string {
  const quote = (text: string) => `'${text.replaceAll("'", "\\'")}'`;
  const lines = ['# fish completion of anomaly', 'complete -c anomaly -f'];
  const parents = new Set(
    entries.filter((entry) => entry.path.includes(' ')).map((entry) => entry.path.split(' ')[0]!),
  );
  for (const { path, words, options } of entries) {
    const condition = fishCondition(path, words, parents);
    for (const [word, summary] of words) {
      lines.push(
        `complete -c anomaly -n ${quote(condition)} -a ${word}${summary === '' ? '' : ` -d ${quote(summary)}`}`,
      );
    }
    for (const option of options) {
      const names = flagNames(option.flags).map((name) =>
        name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`,
      );
      const value =
        option.choices === undefined
          ? option.flags.includes('<')
            ? ' -r'
            : ''
          : ` -x -a ${quote(option.choices.join(' '))}`;
      lines.push(`complete -c anomaly -n ${quote(condition)} ${names.join(' ')}${value} -d ${quote(option.summary)}`);
    }
  }
  return `${lines.join('\n')}\n`;
}

function fishCondition(path: string, words: Entry['words'], parents: ReadonlySet<string>): string {
  if (path === '') return '__fish_use_subcommand';
  const [first, second] = path.split(' ');
  if (second !== undefined) return `__fish_seen_subcommand_from ${first}; and __fish_seen_subcommand_from ${second}`;
  if (!parents.has(path)) return `__fish_seen_subcommand_from ${first}`;
  return `__fish_seen_subcommand_from ${first}; and not __fish_seen_subcommand_from ${words.map(([word]) => word).join(' ')}`;
}
