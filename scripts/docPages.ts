import { readFileSync } from 'node:fs';
import type { ArgumentSpec, Command, OptionSpec } from '../src/commands/command.ts';
import { CHECKS } from '../src/commands/doctor/checks.ts';
import { EXIT_CODES, optionText, usageName } from '../src/commands/helpText.ts';
import { flagNames } from '../src/commands/options/commandOptions.ts';
import { GLOBAL_OPTIONS } from '../src/commands/options/globalOptions.ts';
import { commands } from '../src/commands/registry.ts';
import { ITEM_FIELDS, type ItemKind } from '../src/config/items.ts';
import { LATER_KEYS } from '../src/config/laterKeys.ts';
import { OPERATION_KEYS } from '../src/config/operationKeys.ts';
import { PIPELINE_KEYS } from '../src/config/pipelineKeys.ts';
import type { SettingRow } from '../src/config/settingRow.ts';
import { envName, SETTINGS_TABLE } from '../src/config/settingsTable.ts';
import { FUNCTIONS, MAX_DEPTH, MAX_LENGTH } from '../src/engine/expressions/syntax.ts';
import { ERROR_TABLE, type ErrorEntry } from '../src/errors.ts';
import { LATENCY_BOUNDS_MS, METRICS, PROCESS_METRICS } from '../src/observe/metrics.ts';
import { TOPIC_TABLE, type TopicRow } from '../src/runtime/topics/topicTable.ts';
import { clientsPage } from './clientsPage.ts';
import { capabilityTable, readResults } from './runtimes/capabilities.ts';

const NOTE = '<!-- Written by npm run docs from the tables in src/; changes here are lost. -->\n';

/** The pages by file name in docs/. */
export function generatedDocs(): Map<string, string> {
  return new Map([
    ['errors.md', errorsPage()],
    ['cli.md', commandsPage()],
    ['configuration.md', configurationPage()],
    ['metrics.md', metricsPage()],
    ['topics.md', topicsPage()],
    ['doctor.md', doctorPage()],
    ['clients.md', clientsPage()],
    ['../README.md', readme()],
  ]);
}

/** README with its tables filled in between their markers. */
function readme(): string {
  const rows = commands.map(({ name, summary }) => `| \`${name}\` | ${summary} |`);
  const codes = EXIT_CODES.split('\n')
    .slice(1, -1)
    .map((line) => line.trim().split(/ {2,}/));
  const text = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  const named = between(text, 'commands', `| Command | What it does |\n|---|---|\n${rows.join('\n')}`);
  const seen = between(named, 'screen', `\`\`\`text\n${pipelineScreen()}\n\`\`\``);
  const filled = between(seen, 'capabilities', capabilityTable(readResults()));
  const meanings = codes.map(([code, meaning]) => `| ${code} | ${meaning} |`);
  return between(filled, 'exit-codes', `| Code | Meaning |\n|---|---|\n${meanings.join('\n')}`);
}

/** The screen that a test draws, without the empty lines above its footer. */
function pipelineScreen(): string {
  const lines = readFileSync(new URL('../docs/screens/pipeline.txt', import.meta.url), 'utf8')
    .trimEnd()
    .split('\n');
  return lines.filter((line, i) => line !== '' || lines[i - 1] !== '').join('\n');
}

function between(text: string, marker: string, content: string): string {
  const [open, close] = [`<!-- ${marker} -->`, `<!-- /${marker} -->`];
  const [from, to] = [text.indexOf(open), text.indexOf(close)];
  if (from < 0 || to < from) throw new Error(`the page lacks the markers ${open} and ${close}`);
  return `${text.slice(0, from + open.length)}\n${content}\n${text.slice(to)}`;
}

function errorsPage(): string {
  const entries = Object.entries(ERROR_TABLE) as [string, ErrorEntry][];
  const sections = entries.map(([code, entry]) => {
    const again = entry.retryable ? 'The same call may succeed later.' : 'Trying again without a change does not help.';
    return `## ${code}\n\n${entry.summary} ${again}\n\n- Exit code: ${entry.exit}\n- What to try: ${entry.hint}\n`;
  });
  const codes = EXIT_CODES.split('\n').slice(1).join('\n').trimEnd();
  return [
    '# Errors\n',
    NOTE,
    'Errors go to stderr as `error[CODE]: what happened`, then `cause:` lines and a `try:` line; with `-o json` as one',
    'JSON object `{schema_version, error: {code, message, causes, hint, exit_code, details}}`. `--debug` adds the stack.\n',
    '## Exit codes\n',
    `\`\`\`text\n${codes}\n\`\`\`\n`,
    ...sections,
  ].join('\n');
}

function commandsPage(): string {
  const groups = ['Pipeline', 'Inspect', 'Setup'] as const;
  const sections = groups.map((group) => {
    const own = commands.filter((command) => command.group === group);
    return own.length === 0 ? '' : `# ${group}\n\n${own.map(commandSection).join('\n')}`;
  });
  return [
    '# Commands\n',
    NOTE,
    commandTable(),
    '## Options of every command\n',
    optionTable(GLOBAL_OPTIONS),
    ...sections,
  ].join('\n');
}

function commandTable(): string {
  const rows = commands.map(
    (command) => `| [${command.name}](#${command.name.replaceAll(' ', '-')}) | ${command.group} | ${command.summary} |`,
  );
  return `| Command | Group | What it does |\n|---|---|---|\n${rows.join('\n')}\n`;
}

function commandSection(command: Command): string {
  const parts = [`## ${command.name}\n`, `${command.summary}.\n`];
  if (command.description !== undefined) parts.push(`${command.description.replaceAll('\n', ' ')}\n`);
  parts.push(`\`\`\`sh\nanomaly ${usageName(command)} [options]\n`);
  for (const { command: line, comment } of command.examples) parts.push(`# ${comment}\n${line}`);
  parts.push('```\n');
  if (command.arguments?.length) parts.push(argumentTable(command.arguments));
  const options = (command.options ?? []).filter((option) => option.hidden !== true);
  if (options.length > 0) parts.push(optionTable(options));
  return parts.join('\n');
}

function argumentTable(list: readonly ArgumentSpec[]): string {
  const rows = list.map(
    ({ name, summary, required }) => `| ${name.toUpperCase()} | ${cell(summary)} | ${required ? 'yes' : 'no'} |`,
  );
  return `| Argument | Meaning | Required |\n|---|---|---|\n${rows.join('\n')}\n`;
}

function optionTable(options: readonly OptionSpec[]): string {
  const rows = options.map(
    (option) =>
      `| \`${option.flags.replaceAll('|', '\\|')}\` | ${cell(optionText(option))} | ${option.key === undefined ? '' : `\`${option.key}\``} |`,
  );
  return `| Option | Meaning | Key |\n|---|---|---|\n${rows.join('\n')}\n`;
}

function configurationPage(): string {
  const pipelineKeys = new Set([...PIPELINE_KEYS, ...OPERATION_KEYS].map((row) => row.key));
  const connection = SETTINGS_TABLE.filter((row) => !pipelineKeys.has(row.key));
  return [
    '# Configuration\n',
    NOTE,
    'A key is looked for in this order: its flag, `-X key=value`, `ANOMALY_*`, `RPK_*`, `anomaly.yaml` (or `--config`,',
    'or `ANOMALY_CONFIG`), `$XDG_CONFIG_HOME/anomaly/config.yaml`, the profile of `rpk.yaml`, its default.',
    '`anomaly config show --origin` prints each key with the place that set it.\n',
    'Durations are written as in Go, with `d` and `w` added: `250ms`, `5s`, `1h30m`, `7d`. A secret is `file:PATH` or',
    '`env:NAME`; in plain text it may only stand in the environment and in `rpk.yaml`.\n',
    '## Pipelines\n',
    keyTable(PIPELINE_KEYS),
    'Shapes of windows, lateness, early rows, and what `pane`, `on_time` and `is_final` say: [windows.md](windows.md).\n',
    ...(['windows', 'features', 'overrides'] as const).map(itemSection),
    featureRules(),
    expressionSection(),
    '## Operation\n',
    keyTable(OPERATION_KEYS),
    '## Connections and the tool itself\n',
    keyTable(connection),
    '## Not yet\n',
    'These are refused by name, since ignoring them would compute something else:',
    `${Object.keys(LATER_KEYS)
      .map((key) => `\`${key}\``)
      .join(', ')}.\n`,
  ].join('\n');
}

function featureRules(): string {
  return [
    '### Features\n',
    'A feature has a value for each record, or for each window that it is of; the time of a window is its end. Over a number',
    'of values the order of arrival counts. Over event time the window ends with the newest value of the series and leaves',
    'out what is as old as its span: a value that comes out of order is put at its place while it is inside; one that is',
    'older is not taken in and has no result. `difference` and `rate_of_change` have none for any value out of order. `ewma`',
    'weighs a value half as much as one that is a half life newer, whatever came between; `same_time` gives the value whose',
    'time is nearest to the one asked for, the earlier of two, and nothing where none is within `tolerance`. Standard',
    'deviations are those of the population; medians and extremes are exact.\n',
    'A feature of a window stands in the on-time rows of that window. A feature of the values of records (`of: value`) appears',
    'in no output topic: it is there to be scored (`score.on`), and an alert then has it as its value.\n',
    'State over event time takes 16 bytes a value that is inside, and at most a million values of a series: beyond that the',
    'oldest leave early, which the run says once. Features of window aggregates need far fewer.\n',
  ].join('\n');
}

function expressionSection(): string {
  const functions = Object.entries(FUNCTIONS).map(([name, { least, most }]) => {
    const values = least === most ? `${least} value${least === 1 ? '' : 's'}` : `${least} to ${most} values`;
    return `\`${name}\` (${values})`;
  });
  return [
    '### Expressions\n',
    '`source.where` and `derive` are expressions over the fields of a record and the name of its series:\n',
    '```yaml',
    'source:',
    '  fields: {volts: u, amperes: i}',
    '  where: "volts != null and series ~ \'pump-*\'"',
    'derive:',
    '  power: volts * amperes',
    '  overload: if(power > 4e3, 1, 0)',
    '```\n',
    'From the strongest binding to the weakest: values (`12`, `1.5e-3`, `\'text\'`, `"text"`, `null`, a field, `series`,',
    '`function(value, ...)`, an expression in parentheses); `-value`; `*` `/` `%`; `+` `-`; `==` `!=` `<` `<=` `>` `>=`,',
    "`is null`, `is not null`, `in (1, 2)`, `not in (...)`, `series ~ 'glob'` with `*` and `?`; `not`; `and`; `or`.",
    'A quote inside a text is written twice. A field whose name is no plain word, or is one of these words, stands in',
    `backticks. An expression has at most ${MAX_LENGTH} characters, and ${MAX_DEPTH} operators inside one another.\n`,
    `Functions: ${functions.join(', ')}. \`log\` is the natural one, \`round\` rounds halves up, \`%\` has the sign of its`,
    'left side, `if` takes a condition first.\n',
    'Null is as in SQL. Arithmetic and functions of null give null, and so does what is no number (`0 / 0`, `sqrt(-1)`). A',
    'comparison with null is unknown: `and` is false where one side is false, `or` true where one is true, whatever the',
    'other is; else unknown stays unknown, also under `not`. `is null`, `== null` and their opposites, `coalesce` and `if`',
    'see null itself; `if` takes its second value where the condition is unknown. `where` keeps the records whose condition',
    'is true. A derived field that is a condition is 1, 0 or null.\n',
    'A value that is not finite is no measurement, be it a field of a record (an infinite double of Avro) or what a derived',
    'field comes to (`1 / 0`): it is null, in no window and no feature. Inside an expression infinity is a number as any',
    'other: `1 / (1 / 0)` is 0.\n',
    '`where` sees the derived fields, and a derived field those before it. A record that `where` leaves out is not',
    'processed: it makes no series, moves no watermark and is never late. It is counted as `filtered`.\n',
  ].join('\n');
}

function keyTable(rows: readonly SettingRow[]): string {
  const lines = rows.map((row) => {
    const value = row.defaultText ?? (row.default === undefined || row.default === '' ? 'none' : `\`${row.default}\``);
    const kind = row.choices === undefined ? row.type : row.choices.map((choice) => `\`${choice}\``).join(', ');
    const flags = [...flagsOf(row.key)].map((flag) => `\`${flag}\``).join(', ');
    const variables = [envName(row.key), ...(row.rpkEnv === undefined ? [] : [row.rpkEnv])].map(
      (name) => `\`${name}\``,
    );
    return `| \`${row.key}\` | ${kind} | ${cell(value)} | ${cell(row.doc)} | ${flags} | ${variables.join(', ')} |`;
  });
  return `| Key | Type | Default | Meaning | Flags | Variables |\n|---|---|---|---|---|---|\n${lines.join('\n')}\n`;
}

function itemSection(kind: ItemKind): string {
  const rows = ITEM_FIELDS[kind].map(
    (field) =>
      `| \`${field.name}\` | ${field.choices?.join(', ') ?? (field.type === 'rolling' ? 'integer or duration' : field.type)} | ${field.required ? 'yes' : 'no'} | ${cell(field.doc)} |`,
  );
  return `### Items of ${kind}\n\n| Field | Type | Required | Meaning |\n|---|---|---|---|\n${rows.join('\n')}\n`;
}

function flagsOf(key: string): Set<string> {
  const options = [...GLOBAL_OPTIONS, ...commands.flatMap((command) => command.options ?? [])];
  const long = options.filter((option) => option.key === key).flatMap((option) => flagNames(option.flags));
  return new Set(long.filter((flag) => flag.startsWith('--')));
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('<', '&lt;');
}

function metricsPage(): string {
  const rows = METRICS.map(
    ({ name, type, labels, help }) =>
      `| \`${name}\` | ${type} | ${labels.map((label) => `\`${label}\``).join(', ')} | ${cell(help)} |`,
  );
  const ofProcess = Object.entries(PROCESS_METRICS).map(([name, help]) => `| \`${name}\` | ${cell(help)} |`);
  return [
    '# Metrics\n',
    NOTE,
    '`anomaly run --metrics HOST:PORT` (key `metrics.listen`) serves `/metrics` in the text format of Prometheus, `/livez` and',
    '`/readyz`; what they answer when, and what is made of the metrics, is in [monitoring.md](monitoring.md). With `--workers`',
    'one address shows all workers, each under its `member`.\n',
    'Every family has the labels `pipeline`, `group` and `member`. Units are the last word of a name: seconds, bytes, records,',
    'ratio (0 to 1); what ends in `_total` only rises while the process lives. A value that is unknown is absent rather than',
    'zero, and so is a family that has nothing to tell yet. The values are those of the status that members publish on',
    '`<pipeline>.status`; nothing is counted for them while records pass. Names and labels stay: one that has to change is there',
    'under both names for a minor version.\n',
    `| Name | Type | More labels | Meaning |\n|---|---|---|---|\n${rows.join('\n')}\n`,
    'Bounds of the latency histograms, in seconds: ' +
      `${LATENCY_BOUNDS_MS.map((bound) => bound / 1000).join(', ')}. What is above powers of ten is counted exactly; at the others`,
    'a value within 1 % of the bound may be counted on its other side.\n',
    `Of the process itself:\n\n| Name | Meaning |\n|---|---|\n${ofProcess.join('\n')}\n`,
  ].join('\n');
}

function topicsPage(): string {
  const rows = (Object.values(TOPIC_TABLE) as TopicRow[]).map((row) => {
    const names = row.namedBy === null ? '' : ` (\`${row.namedBy}\`)`;
    const cells = [
      `\`${row.name.replaceAll('`', '')}\`${names}`,
      row.holds,
      row.partitions === 'source' ? "the source's" : row.partitions === 'given' ? 'as given' : String(row.partitions),
      row.policy,
      retentionText(row),
      row.madeBy,
      row.writers,
      row.readers,
    ];
    return `| ${cells.map((text) => text.replaceAll('|', '\\|')).join(' | ')} |`;
  });
  return [
    '# Topics\n',
    NOTE,
    'Every topic that the tool makes on a cluster. `<pipeline>` is `pipeline`, by default the first topic that is read;',
    '`<group>` the consumer group, which is the pipeline unless `group` names another one. The replication factor is the',
    'default of the broker.',
    'A topic that is there is used as it is, where it can be: a sink and the journal need as many partitions as the',
    'source, and the journal must not be compacted.\n',
    '| Topic | Holds | Partitions | cleanup.policy | retention.ms | Made by | Written by | Read by |',
    '|---|---|---|---|---|---|---|---|',
    `${rows.join('\n')}\n`,
    'Outputs carry the record time of their evidence, which is why they are kept as long as the source is: with a shorter',
    'retention the alerts of a replayed history would be deleted at once. The journal is trimmed by the pipeline itself.\n',
    '## Accounts that may not make topics\n',
    '`anomaly run --create-topics-only -f anomaly.yaml`, by an account that may, makes what the pipeline and the commands',
    'about it need, and ends; `--repartition` adds its topic. A run that finds them makes none.',
    '`anomaly doctor --acl -f anomaly.yaml` prints the rights that are left to grant ([doctor.md](doctor.md)).\n',
    '`anomaly demo` and `anomaly dev` have topics of their own in a broker of their own.\n',
  ].join('\n');
}

function retentionText({ policy, retention }: TopicRow): string {
  if (retention === 'source') return "the source's";
  if (retention === 'forever') return '-1';
  if (retention === 'broker') return policy === 'compact' ? 'none' : "the broker's";
  return String(retention);
}

/** The page as it is written, with the table of the checks between its markers. */
function doctorPage(): string {
  const rows = CHECKS.map(({ name, looksAt, warns, fails }) => {
    return `| \`${name}\` | ${[looksAt, warns, fails].map(cell).join(' | ')} |`;
  });
  const table = `| Check | Looks at | Warns | Fails |\n|---|---|---|---|\n${rows.join('\n')}`;
  return between(readFileSync(new URL('../docs/doctor.md', import.meta.url), 'utf8'), 'checks', table);
}
