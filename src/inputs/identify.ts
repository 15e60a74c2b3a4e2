import { AnomalyError } from '../errors.ts';
import { readFully } from './byteSource.ts';
import type { FileCompression } from './decompress.ts';
import { type Container, type InputFile, STDIN } from './inputFiles.ts';
import { MAGIC_BYTES, type Magic, magicOf } from './magic.ts';
import type { Sources } from './sources.ts';

/**
 * The file with what it really holds: its first bytes count, not its name. `note` hears where the two differ.
 * `isForced`: the user said that it is text. @throws ANM_FILE
 */
export async function identify(
  sources: Sources,
  file: InputFile,
  isForced: boolean,
  note: (text: string) => void,
): Promise<InputFile> {
  const outer = await magicAt(sources, { ...file, compression: 'none' });
  const compression: FileCompression = outer === 'gzip' || outer === 'zstd' ? outer : 'none';
  if (file.path === STDIN && compression !== 'none') await sources.unpackStdin(compression);
  const inner = compression === 'none' ? outer : await magicAt(sources, { ...file, compression });
  const isNamed = file.path !== STDIN;
  if (isNamed && compression !== file.compression) {
    note(
      compression === 'none'
        ? `${file.name} is not compressed in spite of its name: read as it is`
        : `${file.name} is compressed by ${compression}, which its name does not say: read so`,
    );
  }
  const container = containerOf(file, compression, inner);
  if (isNamed && container !== file.container) {
    if (container === 'text' && file.sizeBytes > 0 && !isForced) throw notWhatItSays(file);
    if (container !== 'text') note(`${file.name} is ${WORDS[container]}, which its name does not say: read so`);
  }
  return { ...file, compression, container };
}

/** What the first bytes of a file are, or of what is compressed in it. */
async function magicAt(sources: Sources, file: InputFile): Promise<Magic> {
  const source = await sources.open(file, 0, true);
  try {
    const head = new Uint8Array(MAGIC_BYTES);
    return magicOf(head, await readFully(source, head));
  } finally {
    await sources.close(source);
  }
}

function containerOf(file: InputFile, compression: FileCompression, magic: Magic): Container {
  if (magic === 'gzip' || magic === 'zstd') {
    throw new AnomalyError('ANM_FILE', `cannot read ${file.name} as it is compressed twice`, {
      hint: `decompress it once: ${compression === 'gzip' ? 'gunzip' : 'zstd -d'} ${file.name}`,
    });
  }
  if (magic === 'encrypted parquet') {
    throw new AnomalyError('ANM_FILE', `cannot read ${file.name} as it is encrypted Parquet`, {
      hint: 'write it again without encryption',
    });
  }
  if (magic === 'parquet' && (compression !== 'none' || file.path === STDIN)) {
    const why = file.path === STDIN ? 'its end is read first, and a pipe has none yet' : 'it is compressed as a whole';
    throw new AnomalyError('ANM_FILE', `cannot read Parquet from ${file.name} as ${why}`, {
      hint: 'give it as a plain file; its columns are compressed inside',
    });
  }
  return magic;
}

function notWhatItSays(file: InputFile): AnomalyError {
  const wanted = WORDS[file.container as keyof typeof WORDS];
  return new AnomalyError('ANM_FILE', `cannot read ${file.name} as it does not begin as ${wanted} does`, {
    hint: 'give --input-format csv or jsonl if it is text',
  });
}

const WORDS = { parquet: 'Parquet', avro: 'an Avro container file' } as const;
