import { readFileSync } from 'node:fs';

interface Result {
  readonly client: string;
  readonly version: string;
  readonly rows: readonly { readonly feature: string; readonly outcome: string; readonly detail: string }[];
}

const CLIENTS = ['kcat', 'java', 'franzGo', 'kafkajs', 'python'] as const;

/** docs/clients.md, from what the tests of test/tiers/ saw. */
export function clientsPage(): string {
  const clients = CLIENTS.map(resultOf);
  const features = clients[1]!.rows.map(({ feature }) => feature);
  const notes: string[] = [];
  const cell = (result: Result, feature: string) => {
    const row = result.rows.find((each) => each.feature === feature);
    if (row === undefined) throw new Error(`${result.client} has no row ${feature}`);
    if (row.outcome === 'ok') return 'yes';
    const note = `${result.client}: ${row.detail}`;
    if (!notes.includes(note)) notes.push(note);
    return `– (${notes.indexOf(note) + 1})`;
  };
  const lines = features.map((feature) => [feature, ...clients.map((result) => cell(result, feature))]);
  return [
    '# Clients that we did not write\n',
    '<!-- Written by npm run docs from test/tiers/results; changes here are lost. -->\n',
    'Programs with these clients run against Apache Kafka first, as the control, and then against `anomaly dev`; both have',
    'to give the same. `yes` is a feature that did so, `–` one that the client lacks. `.ci/run` repeats it all.\n',
    table(['Feature', ...clients.map(({ client, version }) => `${client} ${version}`)], lines),
    `${notes.map((note, i) => `${i + 1}. ${note}`).join('\n')}\n`,
    '## What was seen\n',
    'The Java clients, as an example:\n',
    detailTable(clients[1]!),
    '## Console tools\n',
    `Those of Apache Kafka ${resultOf('consoleTools').version}. \`anomaly lag\` gives the numbers of`,
    '`kafka-consumer-groups --describe`, and also names partitions without a commit, which that leaves out where the group',
    'has no members.\n',
    detailTable(resultOf('consoleTools')),
    '## Avro\n',
    `Every Avro topic that \`produce\` and \`run\` write, read with ${resultOf('avro').client} ${resultOf('avro').version} and its`,
    'registry client: values equal those of `anomaly tail`, with the embedded registry and with Apicurio.\n',
    detailTable(resultOf('avro')),
  ].join('\n');
}

function resultOf(name: string): Result {
  return JSON.parse(readFileSync(new URL(`../test/tiers/results/${name}.json`, import.meta.url), 'utf8')) as Result;
}

const detailTable = ({ rows }: Result): string =>
  table(
    ['Feature', 'Seen'],
    rows.map(({ feature, detail }) => [feature, detail]),
  );

function table(head: readonly string[], lines: readonly (readonly string[])[]): string {
  const row = (cells: readonly string[]) => `| ${cells.map((text) => text.replaceAll('|', '\\|')).join(' | ')} |`;
  return `${[row(head), `|${'---|'.repeat(head.length)}`, ...lines.map(row)].join('\n')}\n`;
}
