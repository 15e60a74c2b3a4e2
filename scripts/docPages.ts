import { readFileSync } from 'node:fs';
import type { ArgumentSpec, Command, OptionSpec } from '../src/commands/command.ts';
import { GLOBAL_OPTIONS } from '../src/commands/globalOptions.ts';
import { EXIT_CODES, optionText, usageName } from '../src/commands/helpText.ts';
import { flagNames } from '../src/commands/program.ts';
import { commands } from '../src/commands/registry.ts';
import { ITEM_FIELDS, type ItemKind } from '../src/config/items.ts';
import { LATER_KEYS, PIPELINE_KEYS } from '../src/config/pipelineKeys.ts';
import { envName, SETTINGS_TABLE, type SettingRow } from '../src/config/settingsTable.ts';
import { ERROR_TABLE, type ErrorEntry } from '../src/errors.ts';
import { clientsPage } from './clientsPage.ts';
import { capabilityTable, readResults } from './runtimes/capabilities.ts';

const NOTE = '<!-- Written by npm run docs from the tables in src/; changes here are lost. -->\n';

/** The pages by file name in docs/. */
export function generatedDocs(): Map<string, string> {
  return new Map([
    ['errors.md', errorsPage()],
    ['commands.md', commandsPage()],
    ['configuration.md', configurationPage()],
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
  const filled = between(named, 'capabilities', capabilityTable(readResults()));
  const meanings = codes.map(([code, meaning]) => `| ${code} | ${meaning} |`);
  return between(filled, 'exit-codes', `| Code | Meaning |\n|---|---|\n${meanings.join('\n')}`);
}

function between(text: string, marker: string, content: string): string {
  const [open, close] = [`<!-- ${marker} -->`, `<!-- /${marker} -->`];
  const [from, to] = [text.indexOf(open), text.indexOf(close)];
  if (from < 0 || to < from) throw new Error(`README.md lacks the markers ${open} and ${close}`);
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
  const pipelineKeys = new Set(PIPELINE_KEYS.map((row) => row.key));
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
    ...(['windows', 'features', 'overrides'] as const).map(itemSection),
    '## Connections and the tool itself\n',
    keyTable(connection),
    '## Not yet\n',
    'These are refused by name, since ignoring them would compute something else:',
    `${Object.keys(LATER_KEYS)
      .map((key) => `\`${key}\``)
      .join(', ')}.\n`,
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
      `| \`${field.name}\` | ${field.choices?.join(', ') ?? field.type} | ${field.required ? 'yes' : 'no'} | ${cell(field.doc)} |`,
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
