import { addAbortSignal, type Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { AnomalyError } from '../../errors.ts';
import type { Line, NumberedLine } from './lines.ts';

/**
 * The lines of a stream of NDJSON, in chunks as they arrive: no promise a line. One that is no JSON object has a fault
 * in place of a value, so that the good ones around it are kept. Ends at the signal, without waiting for input.
 * @throws ANM_FILE
 */
export async function* ndjsonSource(
  input: Readable,
  name: string,
  signal: AbortSignal,
): AsyncGenerator<readonly NumberedLine[]> {
  let number = 0;
  // Also takes the hold that an idle stdin has on the process.
  addAbortSignal(signal, input);
  try {
    for await (const lines of textChunks(input)) {
      const chunk: NumberedLine[] = [];
      for (const text of lines) {
        number++;
        if (text.trim() !== '') chunk.push(parseLine(text, number));
      }
      yield chunk;
    }
  } catch (cause) {
    if (signal.aborted) return;
    if (!(cause instanceof Error) || !('code' in cause) || cause instanceof AnomalyError) throw cause;
    throw new AnomalyError('ANM_FILE', `cannot read ${name} as ${cause.message}`, { cause, details: { file: name } });
  }
}

async function* textChunks(input: Readable): AsyncGenerator<string[]> {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  for await (const chunk of input) {
    const text = rest + (typeof chunk === 'string' ? chunk : decoder.write(chunk as Buffer));
    const lines = text.split('\n');
    rest = lines.pop()!;
    if (lines.length > 0) yield lines;
  }
  rest += decoder.end();
  if (rest !== '') yield [rest];
}

function parseLine(text: string, number: number): NumberedLine {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { number, value: value as Line };
    return { number, fault: `it is no JSON object: ${text.slice(0, 80)}` };
  } catch {
    return { number, fault: `it is no JSON: ${text.slice(0, 80)}` };
  }
}
