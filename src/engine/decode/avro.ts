import type { ColumnBatch } from '../batch.ts';
import {
  doubleColumn,
  keyColumn,
  longColumn,
  nullableDoubleColumn,
  skipBytesColumn,
  skipFixedColumn,
  skipVarintColumn,
  timeColumn,
} from './avroColumns.ts';
import { compileProgram, type NotCompiled } from './avroCompiler.ts';
import { type AvroProgram, OP, STRIDE, TIME_RULES } from './avroProgram.ts';
import { RecordInterpreter } from './avroRecord.ts';
import type { ColumnReader, DecodedColumns, SourceNeeds } from './reader.ts';
import { REASON } from './reasons.ts';

/** Records that an instruction goes over before the next one does: their bytes stay in the processor's cache. */
const CHUNK = 512;

/**
 * Compiles a reader of just the needed parts of values written with `schema` (parsed JSON); the rest is stepped over.
 *
 * Numbers: int, long (rounded beyond 2^53), float, double, boolean as 0 or 1, enum as the index of its symbol, decimal
 * of bytes or fixed, and text that is a decimal number. Null, NaN and infinities are NaN. Unions are read by branch;
 * a branch that is no number rejects the record. A field that the schema lacks is NaN everywhere and listed in
 * `missing`. Times: see timeRule in avroCompiler.ts. Keys: string, bytes, fixed, enum symbols, int and long as text.
 * Unsupported, with the reason: a needed value inside an array or map, or of a type that cannot serve.
 * Source: Apache Avro 1.11 specification, "Binary Encoding".
 */
export function compileAvro(schema: unknown, needs: SourceNeeds): AvroReader | NotCompiled {
  const program = compileProgram(schema, needs);
  return 'unsupported' in program ? program : new AvroReader(program, needs.fields.length);
}

/**
 * Runs a program column by column: each instruction over all records of a chunk before the next one. What differs from
 * record to record (unions) or is rare runs record by record.
 */
export class AvroReader implements ColumnReader {
  /** Field paths that the schema does not have. */
  readonly missing: readonly string[];
  readonly #program: AvroProgram;
  readonly #record: RecordInterpreter;
  readonly #fieldCount: number;
  #columns: Float64Array[] = [];
  #positions = new Int32Array(1024);

  constructor(program: AvroProgram, fieldCount: number) {
    this.#program = program;
    this.#fieldCount = fieldCount;
    this.#record = new RecordInterpreter(program, fieldCount);
    this.missing = program.missing;
  }

  read(batch: ColumnBatch, from: number, to: number, headerBytes: number, out: DecodedColumns): void {
    const { bytes, valueStart, valueEnd } = batch;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let f = 0; f < this.#fieldCount; f++) this.#columns[f] = batch.fields[f]!;
    this.#columns[this.#fieldCount] = batch.eventTimes;
    this.#record.begin(bytes, view, this.#columns, out);
    if (to > this.#positions.length) this.#positions = new Int32Array(Math.max(to, this.#positions.length * 2));
    out.keyStart.fill(-1, from, to);
    for (let first = from; first < to; first += CHUNK) {
      const last = Math.min(first + CHUNK, to);
      begin(this.#positions, valueStart, headerBytes, first, last);
      this.#run(bytes, view, valueEnd, first, last, out);
      finish(this.#positions, valueEnd, out.reasons, first, last);
    }
    out.keyBytes = this.#program.keyIsMade ? this.#record.keyText.bytes : bytes;
  }

  #run(bytes: Uint8Array, view: DataView, ends: Int32Array, from: number, to: number, out: DecodedColumns): void {
    const { code } = this.#program;
    const positions = this.#positions;
    const columns = this.#columns;
    let pc = 0;
    for (;;) {
      const op = code[pc]!;
      const a = code[pc + 1]!;
      const next = op === OP.each ? a : pc + STRIDE;
      switch (op) {
        case OP.end:
          return;
        case OP.readLong:
          longColumn(bytes, positions, ends, from, to, columns[a]!);
          break;
        case OP.readDouble:
          doubleColumn(view, positions, ends, from, to, columns[a]!);
          break;
        case OP.readNullableDouble:
          nullableDoubleColumn(bytes, view, positions, ends, from, to, columns[a]!, code[pc + 2]!);
          break;
        case OP.keyBytes:
          keyColumn(bytes, positions, ends, from, to, out.keyStart, out.keyEnd);
          break;
        case OP.timeNumber:
          timeColumn(positions, from, to, columns[this.#fieldCount]!, TIME_RULES[a]);
          break;
        case OP.skipBytes:
          skipBytesColumn(bytes, positions, ends, from, to);
          break;
        case OP.skipInt:
        case OP.skipLong:
          skipVarintColumn(bytes, positions, ends, from, to, op === OP.skipInt ? 5 : 10);
          break;
        case OP.skipFixed:
          skipFixedColumn(positions, ends, from, to, a);
          break;
        default:
          this.#record.runColumn(op === OP.each ? pc + STRIDE : pc, next, positions, ends, from, to);
      }
      pc = next;
    }
  }
}

function begin(positions: Int32Array, starts: Int32Array, headerBytes: number, from: number, to: number): void {
  for (let i = from; i < to; i++) positions[i] = starts[i]! + headerBytes;
}

function finish(positions: Int32Array, ends: Int32Array, reasons: Uint8Array, from: number, to: number): void {
  for (let i = from; i < to; i++) {
    const pos = positions[i]!;
    reasons[i] = pos === ends[i]! ? REASON.none : pos < 0 ? -pos : REASON.trailingBytes;
  }
}
