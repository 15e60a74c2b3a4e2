import type { SchemaRegistry } from '../clients/registry.ts';
import { didYouMean } from '../errors/nearest.ts';
import { AnomalyError, ERROR_TABLE } from '../errors.ts';
import type { Command, CommandContext } from './command.ts';
import { FILE, readSchema, SCHEMA_OPTIONS } from './schema/file.ts';

async function openRegistry(context: CommandContext) {
  const { connectRegistry } = await import('./connections.ts');
  return connectRegistry(context);
}

const SUBJECT = { name: 'subject', summary: 'subject of the registry, as sensors-value', required: true } as const;
const DELETED = { flags: '--deleted', summary: 'also what is deleted softly', type: 'boolean' } as const;

interface SubjectRow {
  readonly subject: string;
  readonly versions: readonly number[];
  /** Only with --deleted. */
  readonly deleted_versions?: readonly number[];
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
  options: [DELETED],
  examples: [
    { command: 'anomaly schema ls', comment: 'every subject' },
    { command: 'anomaly schema ls -o json', comment: 'for scripts' },
    { command: 'anomaly schema ls --deleted', comment: 'with subjects and versions that are deleted softly' },
  ],
  run: async (context) => {
    const { output, flags } = context;
    const registry = await openRegistry(context);
    const deleted = flags['deleted'] === true;
    const rows: SubjectRow[] = [];
    for (const subject of await registry.subjects({ deleted })) {
      const row = await subjectRow(registry, subject, deleted);
      if (row !== null) rows.push(row);
    }
    await output.table('subjects', rows, [
      { header: 'SUBJECT', value: (row) => row.subject },
      { header: 'VERSIONS', value: (row) => row.versions.join(',') || null },
      ...(deleted ? [{ header: 'DELETED', value: deletedText }] : []),
      { header: 'LATEST-ID', value: (row) => row.latest_id, align: 'right' },
      { header: 'TYPE', value: (row) => row.type },
      { header: 'COMPATIBILITY', value: (row) => row.compatibility },
    ]);
    return 0;
  },
};

/** Null for a subject that was deleted between two calls. */
async function subjectRow(registry: SchemaRegistry, subject: string, deleted: boolean): Promise<SubjectRow | null> {
  const live = await registry.latest(subject);
  const latest = live ?? (deleted ? await registry.latest(subject, { deleted }) : null);
  if (latest === null) return null;
  const all = deleted ? await registry.versions(subject, { deleted }) : [];
  // Registries have no list of the versions of a subject that is deleted as a whole.
  const versions = live === null ? [] : await registry.versions(subject);
  return {
    subject,
    versions,
    ...(deleted && { deleted_versions: all.filter((version) => !versions.includes(version)) }),
    latest_id: latest.id,
    type: latest.type,
    compatibility: await registry.compatibility(subject),
  };
}

function deletedText(row: SubjectRow): string | null {
  return row.deleted_versions?.join(',') || null;
}

export const schemaShow: Command = {
  name: 'schema show',
  group: 'Inspect',
  summary: 'Print a schema, by subject or by id',
  description:
    'A whole number is an id, anything else a subject. Without --version the latest version is printed. JSON is set out\n' +
    'in lines, Protobuf is printed as it is; -o json adds type and references.',
  arguments: [{ name: 'subject-or-id', summary: 'subject, or the id that records carry', required: true }],
  options: [{ flags: '--version <n>', summary: 'version of the subject', type: 'integer' }, DELETED],
  examples: [
    { command: 'anomaly schema show sensors-value', comment: 'the latest version' },
    { command: 'anomaly schema show sensors-value --version 1', comment: 'the first one' },
    { command: 'anomaly schema show 3 > reading.avsc', comment: 'by the id in the records' },
  ],
  run: async (context) => {
    const { args, flags, output } = context;
    const wanted = args[0]!;
    const version = flags['version'] as number | undefined;
    const options = { deleted: flags['deleted'] === true };
    const registry = await openRegistry(context);
    const found = await find();
    await output.document({ ...found, schema: parsed(found.schema) }, () => pretty(found.schema));
    return 0;

    async function find() {
      if (/^\d+$/.test(wanted)) {
        if (version === undefined) return await registry.definitionById(Number(wanted));
        throw new AnomalyError('ANM_USAGE', `--version ${version} needs a subject, but ${wanted} is an id`);
      }
      if (version !== undefined) return { subject: wanted, ...(await registry.version(wanted, version, options)) };
      const latest = await registry.latest(wanted, options);
      if (latest !== null) return { subject: wanted, ...latest };
      throw await unknownSubject(registry, wanted, 'show');
    }
  },
};

export const schemaRegister: Command = {
  name: 'schema register',
  group: 'Setup',
  summary: 'Register a schema (Avro, JSON Schema, Protobuf) under a subject',
  description:
    'Prints the id. The schema must fit the compatibility level of the subject; registering the same one again gives\n' +
    'the id that it has. Exits 5 naming path, rule, level and version when it is incompatible.',
  arguments: [SUBJECT, FILE],
  options: [...SCHEMA_OPTIONS],
  examples: [
    { command: 'anomaly schema register sensors-value reading.avsc', comment: 'from a file' },
    { command: 'cat reading.avsc | anomaly schema register sensors-value -', comment: 'from stdin' },
    {
      command: 'anomaly schema register pumps-value pump.avsc --references plant.Site:site-value:1',
      comment: 'with a type of another subject',
    },
  ],
  run: async (context) => {
    const subject = context.args[0]!;
    const { text, options } = await readSchema(context);
    const registry = await openRegistry(context);
    const { id } = await registry.register(subject, text, options);
    const version = (await registry.lookup(subject, text, options))?.version ?? null;
    await context.output.document({ subject, id, version }, () => `${subject}: version ${version ?? '-'}, id ${id}`);
    return 0;
  },
};

export const schemaCheck: Command = {
  name: 'schema check',
  group: 'Inspect',
  summary: 'Check whether a schema may replace the one of a subject',
  description:
    'Registers nothing. Exits 0 when the schema is compatible, 5 when not, with path, rule, level and version of each\n' +
    'clash, when the registry cannot compare the two, or when it has no such subject.',
  arguments: [SUBJECT, FILE],
  options: [
    { flags: '--version <n>', summary: 'compare with this version and later ones', type: 'integer' },
    ...SCHEMA_OPTIONS,
  ],
  examples: [
    { command: 'anomaly schema check sensors-value reading.avsc', comment: 'against the latest version' },
    { command: 'anomaly schema check sensors-value reading.avsc -o json', comment: 'for a build pipeline' },
  ],
  run: async (context) => {
    const subject = context.args[0]!;
    const { text, options } = await readSchema(context);
    const registry = await openRegistry(context);
    // Before the registry is asked: a subject that does not exist would take a broken schema.
    await registry.validate(text, options);
    const version = context.flags['version'] as number | undefined;
    const latest = (await registry.latest(subject))?.version;
    // As the registry's own 404, and rpk: a subject whose name is mistyped must not pass as compatible.
    if (latest === undefined) throw await unknownSubject(registry, subject, 'check');
    const { compatible, messages } = await registry.check(subject, text, version ?? 'latest', options);
    const level = await registry.compatibility(subject);
    if (!compatible) {
      const reasons = messages.length > 0 ? messages.join('; ') : 'the registry gives no reason';
      throw new AnomalyError('ANM_SCHEMA_INCOMPATIBLE', `the schema does not fit subject '${subject}': ${reasons}`, {
        hint: 'give new fields a default, keep types readable, or register it under another subject',
        details: { subject, compatibility: level, compatible, messages },
      });
    }
    const compared = level === 'NONE' ? null : (version ?? latest);
    await context.output.document({ subject, compatible, compatibility: level, version: compared, messages }, () =>
      verdict(subject, level, compared),
    );
    return 0;
  },
};

async function unknownSubject(registry: SchemaRegistry, subject: string, verb: string): Promise<AnomalyError> {
  return new AnomalyError('ANM_SCHEMA_UNKNOWN', `cannot ${verb} a schema as there is no subject '${subject}'`, {
    hint: didYouMean(subject, await registry.subjects(), ERROR_TABLE.ANM_SCHEMA_UNKNOWN.hint),
    details: { subject },
  });
}

function verdict(subject: string, level: string, compared: number | null): string {
  if (compared === null) return `compatible: subject '${subject}' takes any schema (${level}), nothing was compared\n`;
  return `compatible: the schema fits subject '${subject}' (${level}, version ${compared})\n`;
}

export const schemaCommands: readonly Command[] = [schemaLs, schemaShow, schemaRegister, schemaCheck];

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
