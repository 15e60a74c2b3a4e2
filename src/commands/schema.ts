import { AnomalyError } from '../errors.ts';
import type { Command, CommandContext } from './command.ts';

async function openRegistry(context: CommandContext) {
  const { connectRegistry } = await import('./connections.ts');
  return connectRegistry(context);
}

const SUBJECT = { name: 'subject', summary: 'subject of the registry, as sensors-value', required: true } as const;
const FILE = { name: 'file', summary: 'Avro schema as JSON (.avsc), or - for stdin', required: true } as const;

interface SubjectRow {
  readonly subject: string;
  readonly versions: readonly number[];
  readonly latest_id: number | null;
  readonly type: string | null;
  readonly compatibility: string;
}

export const schemaLs: Command = {
  name: 'schema ls',
  group: 'Inspect',
  summary: 'List the subjects of the Schema Registry',
  description:
    'One row a subject: its versions, the id and type of the latest, and the compatibility level it is held to.',
  examples: [
    { command: 'anomaly schema ls', comment: 'every subject' },
    { command: 'anomaly schema ls -o json', comment: 'for scripts' },
  ],
  run: async (context) => {
    const { output } = context;
    const registry = await openRegistry(context);
    const rows: SubjectRow[] = [];
    for (const subject of await registry.subjects()) {
      const latest = await registry.latest(subject);
      // Deleted between the two calls.
      if (latest === null) continue;
      rows.push({
        subject,
        versions: await registry.versions(subject),
        latest_id: latest.id,
        type: latest.type,
        compatibility: await registry.compatibility(subject),
      });
    }
    await output.table('subjects', rows, [
      { header: 'SUBJECT', value: (row) => row.subject },
      { header: 'VERSIONS', value: (row) => row.versions.join(',') },
      { header: 'LATEST-ID', value: (row) => row.latest_id, align: 'right' },
      { header: 'TYPE', value: (row) => row.type },
      { header: 'COMPATIBILITY', value: (row) => row.compatibility },
    ]);
    return 0;
  },
};

export const schemaShow: Command = {
  name: 'schema show',
  group: 'Inspect',
  summary: 'Print a schema, by subject or by id',
  description: 'A whole number is an id, anything else a subject. Without --version the latest version is printed.',
  arguments: [{ name: 'subject-or-id', summary: 'subject, or the id that records carry', required: true }],
  options: [{ flags: '--version <n>', summary: 'version of the subject', type: 'integer' }],
  examples: [
    { command: 'anomaly schema show sensors-value', comment: 'the latest version' },
    { command: 'anomaly schema show sensors-value --version 1', comment: 'the first one' },
    { command: 'anomaly schema show 3 > reading.avsc', comment: 'by the id in the records' },
  ],
  run: async (context) => {
    const { args, flags, output } = context;
    const wanted = args[0]!;
    const version = flags['version'] as number | undefined;
    const registry = await openRegistry(context);
    const found = await find();
    await output.document({ ...found, schema: parsed(found.schema) }, () => pretty(found.schema));
    return 0;

    async function find() {
      if (/^\d+$/.test(wanted)) {
        if (version === undefined) return await registry.schemaById(Number(wanted));
        throw new AnomalyError('ANM_USAGE', `--version ${version} needs a subject, but ${wanted} is an id`);
      }
      if (version !== undefined) return { subject: wanted, ...(await registry.version(wanted, version)) };
      const latest = await registry.latest(wanted);
      if (latest !== null) return { subject: wanted, ...latest };
      throw new AnomalyError('ANM_SCHEMA_UNKNOWN', `cannot show a schema as there is no subject '${wanted}'`);
    }
  },
};

export const schemaRegister: Command = {
  name: 'schema register',
  group: 'Setup',
  summary: 'Register an Avro schema under a subject',
  description:
    'Prints the id. The schema must fit the compatibility level of the subject; registering the same one again gives\n' +
    'the id that it has. Exits 5 naming field and rule when it is incompatible.',
  arguments: [SUBJECT, FILE],
  examples: [
    { command: 'anomaly schema register sensors-value reading.avsc', comment: 'from a file' },
    { command: 'cat reading.avsc | anomaly schema register sensors-value -', comment: 'from stdin' },
  ],
  run: async (context) => {
    const subject = context.args[0]!;
    const schema = await readSchema(context);
    const registry = await openRegistry(context);
    const { id } = await registry.register(subject, schema);
    const version = (await registry.lookup(subject, schema))?.version ?? null;
    await context.output.document({ subject, id, version }, () => `${subject}: version ${version ?? '-'}, id ${id}`);
    return 0;
  },
};

export const schemaCheck: Command = {
  name: 'schema check',
  group: 'Inspect',
  summary: 'Check whether a schema may replace the one of a subject',
  description:
    'Registers nothing. Exits 0 when the schema is compatible, 5 when not, with field and rule of each clash.',
  arguments: [SUBJECT, FILE],
  options: [{ flags: '--version <n>', summary: 'compare with this version and later ones', type: 'integer' }],
  examples: [
    { command: 'anomaly schema check sensors-value reading.avsc', comment: 'against the latest version' },
    { command: 'anomaly schema check sensors-value reading.avsc -o json', comment: 'for a build pipeline' },
  ],
  run: async (context) => {
    const subject = context.args[0]!;
    const schema = await readSchema(context);
    const { parseAvroSchema } = await import('../schemas/avroSchema.ts');
    // Before the registry is asked: a subject that does not exist would take a broken schema.
    parseAvroSchema(schema);
    const registry = await openRegistry(context);
    const version = context.flags['version'] as number | undefined;
    const { compatible, messages } = await registry.check(subject, schema, version ?? 'latest');
    const level = await registry.compatibility(subject);
    if (!compatible) {
      const reasons = messages.length > 0 ? messages.join('; ') : 'the registry gives no reason';
      throw new AnomalyError('ANM_SCHEMA_INCOMPATIBLE', `the schema does not fit subject '${subject}': ${reasons}`, {
        hint: 'give new fields a default, keep types readable, or register it under another subject',
        details: { subject, compatibility: level, compatible, messages },
      });
    }
    await context.output.document(
      { subject, compatible, compatibility: level, messages },
      () => `compatible: the schema fits subject '${subject}' (${level})\n`,
    );
    return 0;
  },
};

export const schemaCommands: readonly Command[] = [schemaLs, schemaShow, schemaRegister, schemaCheck];

/** The text of the second argument: a file, or stdin for `-`. */
async function readSchema({ args, cwd, stdin }: CommandContext): Promise<string> {
  const name = args[1]!;
  if (name === '-') {
    const { text } = await import('node:stream/consumers');
    return await text(stdin);
  }
  const { readFile } = await import('node:fs/promises');
  const { resolve } = await import('node:path');
  try {
    return await readFile(resolve(cwd, name), 'utf8');
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'there is no such file' : String(cause);
    throw new AnomalyError('ANM_FILE', `cannot read the schema ${name} as ${reason}`, {
      hint: 'give a file with an Avro schema as JSON, or - for stdin',
      cause,
    });
  }
}

/** JSON inside JSON is hard to use: scripts get the schema as an object. */
function parsed(schema: string): unknown {
  try {
    return JSON.parse(schema);
  } catch {
    // Protobuf definitions are plain text.
    return schema;
  }
}

function pretty(schema: string): string {
  const value = parsed(schema);
  return typeof value === 'string' && value === schema ? schema : JSON.stringify(value, null, 2);
}
