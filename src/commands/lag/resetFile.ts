import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import type { TopicPartitionOffset } from '../../clients/topicPartition.ts';
import { AnomalyError } from '../../errors.ts';
import type { CommandContext } from '../command.ts';

/** Lines of topic, partition, offset, as kafka-consumer-groups exports them. */
export function formatOffsets(offsets: readonly TopicPartitionOffset[]): string {
  return offsets.map(({ topic, partition, offset }) => `${topic},${partition},${offset}\n`).join('');
}

/** @throws ANM_USAGE for a file that cannot be read, or a line that is none */
export async function readOffsets(
  { cwd, stdin }: Pick<CommandContext, 'cwd' | 'stdin'>,
  path: string,
  group: string,
): Promise<TopicPartitionOffset[]> {
  let content: string;
  try {
    content = path === '-' ? await text(stdin) : await readFile(resolve(cwd, path), 'utf8');
  } catch (cause) {
    throw new AnomalyError('ANM_USAGE', `cannot read --from-file ${path}: ${(cause as Error).message}`, { cause });
  }
  return parseOffsetLines(content, path === '-' ? 'stdin' : path, group);
}

/**
 * Fields are apart by commas, as kafka-consumer-groups writes them, or by spaces, as rpk does, with quotes or without. A
 * file of several groups begins its lines with the group: those of others are passed over.
 */
export function parseOffsetLines(content: string, name: string, group: string): TopicPartitionOffset[] {
  const offsets: TopicPartitionOffset[] = [];
  const seen = new Map<string, number>();
  for (const [i, line] of content.split('\n').entries()) {
    const fields = line
      .trim()
      .split(/\s*,\s*|\s+/)
      .map((field) => field.replace(/^"(.*)"$/, '$1'));
    if (fields.length === 1 && fields[0] === '') continue;
    const own = fields.length === 4 ? fields.slice(1) : fields;
    const [topic = '', partition = '', offset = ''] = own;
    if (own.length !== 3 || topic === '' || !isNumber(partition) || !isNumber(offset)) {
      throw new AnomalyError('ANM_USAGE', `${name}:${i + 1} wants topic, partition and offset, got "${line.trim()}"`);
    }
    if (fields.length === 4 && fields[0] !== group) continue;
    const place = `${topic}/${Number(partition)}`;
    const before = seen.get(place);
    if (before !== undefined) {
      throw new AnomalyError('ANM_USAGE', `${name}:${i + 1} names ${place} again, after line ${before}`);
    }
    seen.set(place, i + 1);
    offsets.push({ topic, partition: Number(partition), offset: Number(offset) });
  }
  if (offsets.length > 0) return offsets;
  throw new AnomalyError('ANM_USAGE', `${name} has no offsets of group ${group}`);
}

function isNumber(field: string): boolean {
  return /^\d{1,16}$/.test(field) && Number.isSafeInteger(Number(field));
}
