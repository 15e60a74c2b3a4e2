import { addAbortSignal } from 'node:stream';
import type { SchemaOptions, SchemaReference } from '../../clients/registry.ts';
import { AnomalyError } from '../../errors.ts';
import type { CommandContext } from '../command.ts';

type SchemaType = NonNullable<SchemaOptions['type']>;

const TYPES = ['avro', 'json', 'protobuf'] as const;
/** As rpk tells types apart. */
const TYPE_BY_EXTENSION: Readonly<Record<string, SchemaType>> = {
  avsc: 'AVRO',
  avro: 'AVRO',
  json: 'JSON',
  proto: 'PROTOBUF',
  protobuf: 'PROTOBUF',
};

export const FILE = {
  name: 'file',
  summary: 'schema: .avsc (Avro), .json (JSON Schema), .proto (Protobuf), or - for stdin',
  required: true,
} as const;

export const SCHEMA_OPTIONS = [
  {
    flags: '--type <type>',
    summary: 'avro, json or protobuf; default by the extension of the file, else avro',
    type: 'string',
    choices: TYPES,
  },
  {
    flags: '--references <name:subject:version>',
    summary: 'types of other subjects that the schema builds on (repeatable)',
    type: 'list',
    repeatable: true,
  },
] as const;

/** The text of the second argument (a file, or stdin for `-`), with its type and references. @throws ANM_FILE, ANM_USAGE */
export async function readSchema(context: CommandContext): Promise<{ text: string; options: SchemaOptions }> {
  const { args, flags } = context;
  const name = args[1]!;
  const type = flags['type'] as (typeof TYPES)[number] | undefined;
  const references = ((flags['references'] as readonly string[] | undefined) ?? []).map(parseReference);
  const extension = /\.([^./]+)$/.exec(name)?.[1]?.toLowerCase() ?? '';
  const byExtension = Object.hasOwn(TYPE_BY_EXTENSION, extension) ? TYPE_BY_EXTENSION[extension]! : 'AVRO';
  return {
    text: await readText(context, name),
    options: { type: type === undefined ? byExtension : (type.toUpperCase() as SchemaType), references },
  };
}

function parseReference(given: string): SchemaReference {
  const parts = /^([^:]+):(.+):(\d{1,9})$/.exec(given);
  if (parts === null || Number(parts[3]) < 1) {
    throw new AnomalyError('ANM_USAGE', `cannot read the reference '${given}' as it is not name:subject:version`, {
      hint: 'as --references plant.Site:site-value:1',
    });
  }
  return { name: parts[1]!, subject: parts[2]!, version: Number(parts[3]) };
}

async function readText({ cwd, stdin, signal }: CommandContext, name: string): Promise<string> {
  if (name === '-') {
    const { text } = await import('node:stream/consumers');
    // A stdin that never ends must not hold the process after a signal.
    return await text(addAbortSignal(signal, stdin));
  }
  const { readFile } = await import('node:fs/promises');
  const { resolve } = await import('node:path');
  try {
    return await readFile(resolve(cwd, name), 'utf8');
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'there is no such file' : String(cause);
    throw new AnomalyError('ANM_FILE', `cannot read the schema ${name} as ${reason}`, {
      hint: 'give a file with a schema, or - for stdin',
      cause,
    });
  }
}
