import { type Readable, Transform } from 'node:stream';
import * as zlib from 'node:zlib';

export type FileCompression = 'none' | 'gzip' | 'zstd';

interface ZlibWithZstd {
  readonly createZstdDecompress?: () => Transform;
}

/**
 * The bytes inside a gzip or Zstandard stream, members and frames one after the other. A stream that is cut fails at
 * its end. Backpressure goes through to the input.
 */
export async function decompressed(input: Readable, compression: 'gzip' | 'zstd'): Promise<Readable> {
  const output = compression === 'gzip' ? zlib.createGunzip() : await createUnzstd();
  input.on('error', (error) => output.destroy(error));
  output.on('close', () => input.destroy());
  return input.pipe(output);
}

/** Node has it since 22.15, Bun and Deno as well; elsewhere fzstd, which is all JavaScript. */
async function createUnzstd(): Promise<Transform> {
  const { createZstdDecompress } = zlib as ZlibWithZstd;
  if (createZstdDecompress !== undefined) return createZstdDecompress();
  const { Decompress } = await import('fzstd');
  const transform = new Transform({
    transform(chunk: Uint8Array, _encoding, done) {
      attempt(() => stream.push(chunk), done);
    },
    flush(done) {
      attempt(() => stream.push(new Uint8Array(0), true), done);
    },
  });
  const stream = new Decompress((bytes) => {
    // Copied: fzstd goes on to use the buffer as its window.
    if (bytes.length > 0) transform.push(Buffer.from(bytes));
  });
  return transform;
}

function attempt(step: () => void, done: (error?: Error) => void): void {
  try {
    step();
  } catch (error) {
    done(error as Error);
    return;
  }
  done();
}
