import { OP, STRIDE } from './avroProgram.ts';
import { readLong, skipBytes, skipFixed, skipVarint } from './avroScalars.ts';
import { REASON } from './reasons.ts';

/** Deeper values are rejected: a forged record must not exhaust the stack. */
const DEPTH_MAX = 200;

/**
 * Steps over a value by the instructions from address `first` to `after` (or an end); gives the position after it, or
 * minus a REASON code.
 */
export function skipValue(
  bytes: Uint8Array,
  start: number,
  end: number,
  code: Int32Array,
  first: number,
  after: number,
  depth: number,
): number {
  if (depth > DEPTH_MAX) return -REASON.tooDeep;
  let pos = start;
  let pc = first;
  while (pos >= 0 && pc !== after) {
    const at = pc;
    const a = code[pc + 1]!;
    pc += STRIDE;
    switch (code[at]!) {
      case OP.end:
        return pos;
      case OP.skipFixed:
        pos = skipFixed(pos, end, a);
        break;
      case OP.skipInt:
        pos = skipVarint(bytes, pos, end, 5);
        break;
      case OP.skipLong:
        pos = skipVarint(bytes, pos, end, 10);
        break;
      case OP.skipBytes:
        pos = skipBytes(bytes, pos, end);
        break;
      case OP.skipSub:
        pos = skipValue(bytes, pos, end, code, a, -1, depth + 1);
        break;
      case OP.skipArray:
      case OP.skipMap:
        pos = skipBlocks(bytes, pos, end, code, at, depth + 1);
        break;
      case OP.union:
        pc = unionBranch(bytes, pos, end, code, at);
        if (pc < 0) return pc;
        pos = skipVarint(bytes, pos, end, 10);
        break;
      default: // jump
        pc = a;
    }
  }
  return pos;
}

/** Address of the branch of the union instruction at `at` that the value at `pos` has, or minus a REASON code. */
export function unionBranch(bytes: Uint8Array, pos: number, end: number, code: Int32Array, at: number): number {
  const next = readLong(bytes, pos, end, NUMBER, 0);
  if (next < 0) return next;
  const index = NUMBER[0]!;
  return index >= 0 && index < code[at + 2]! ? code[code[at + 1]! + index]! : -REASON.badUnion;
}

/** Blocks of an array or map: a count of items; a negative one is followed by the block's size in bytes; 0 ends. */
function skipBlocks(
  bytes: Uint8Array,
  start: number,
  end: number,
  code: Int32Array,
  at: number,
  depth: number,
): number {
  const keyed = code[at] === OP.skipMap;
  const size = code[at + 1]!;
  const item = code[at + 2]!;
  let pos = start;
  for (;;) {
    pos = readLong(bytes, pos, end, NUMBER, 0);
    if (pos < 0) return pos;
    const count = NUMBER[0]!;
    if (count === 0) return pos;
    if (count < 0) pos = skipBytes(bytes, pos, end);
    else if (!keyed && size >= 0) pos = count * size <= end - pos ? pos + count * size : -REASON.badLength;
    else {
      // Each item takes a byte or more, so the end of the value bounds the loop whatever the count says.
      for (let k = 0; k < count && pos >= 0; k++) {
        if (keyed) pos = skipBytes(bytes, pos, end);
        if (pos >= 0) pos = size >= 0 ? skipFixed(pos, end, size) : skipValue(bytes, pos, end, code, item, -1, depth);
      }
    }
    if (pos < 0) return pos;
  }
}

const NUMBER = new Float64Array(1);
