import { exp, log } from '../math.ts';
import { type MaskColumn, NumberBuffer, type NumberColumn, TRUE } from './columns.ts';
import type { ArithmeticOperator } from './syntax.ts';

// For the loops: an imported constant is read from memory each time.
const YES = TRUE;

/** A column of one value; written only when the buffer grows. */
export function constantColumn(value: number): NumberColumn {
  let values = new Float64Array(0);
  return (_columns, _from, to) => {
    if (to > values.length) values = new Float64Array(Math.max(to, values.length * 2, 64)).fill(value);
    return values;
  };
}

export function fieldColumn(field: number): NumberColumn {
  return (columns) => columns.fields[field]!;
}

/** NaN, which is null, goes through all of them by itself. */
export function arithmeticColumn(operator: ArithmeticOperator, left: NumberColumn, right: NumberColumn): NumberColumn {
  const fill = ARITHMETIC[operator];
  const buffer = new NumberBuffer();
  return (columns, from, to) => {
    const a = left(columns, from, to);
    const b = right(columns, from, to);
    const out = buffer.room(to);
    fill(a, b, from, to, out);
    return out;
  };
}

/** A function of one number. */
export function functionColumn(name: string, operand: NumberColumn): NumberColumn {
  const fill = ONE[name]!;
  const buffer = new NumberBuffer();
  return (columns, from, to) => {
    const a = operand(columns, from, to);
    const out = buffer.room(to);
    fill(a, from, to, out);
    return out;
  };
}

/** min and max, which are null where any of their values is, and coalesce, which is the first that is not null. */
export function foldedColumn(name: string, operands: readonly NumberColumn[]): NumberColumn {
  const fill = FOLDED[name]!;
  const buffer = new NumberBuffer();
  return (columns, from, to) => {
    const out = buffer.room(to);
    for (let k = 0; k < operands.length; k++) {
      const a = operands[k]!(columns, from, to);
      if (k === 0) for (let i = from; i < to; i++) out[i] = a[i]!;
      else fill(out, a, from, to, out);
    }
    return out;
  };
}

/** A condition that is unknown takes the second value, as CASE in SQL does. */
export function chosenColumn(condition: MaskColumn, yes: NumberColumn, no: NumberColumn): NumberColumn {
  const buffer = new NumberBuffer();
  return (columns, from, to) => {
    const mask = condition(columns, from, to);
    const a = yes(columns, from, to);
    const b = no(columns, from, to);
    const out = buffer.room(to);
    for (let i = from; i < to; i++) out[i] = mask[i] === YES ? a[i]! : b[i]!;
    return out;
  };
}

/** A condition as a number: 1, 0, or null where it is unknown. */
export function truthColumn(condition: MaskColumn): NumberColumn {
  const buffer = new NumberBuffer();
  return (columns, from, to) => {
    const mask = condition(columns, from, to);
    const out = buffer.room(to);
    for (let i = from; i < to; i++) out[i] = mask[i]! > YES ? Number.NaN : mask[i]!;
    return out;
  };
}

type FillOne = (a: Float64Array, from: number, to: number, out: Float64Array) => void;
type FillTwo = (a: Float64Array, b: Float64Array, from: number, to: number, out: Float64Array) => void;

// A loop of its own for each: one shared loop with a function in it would be a call a record.
const ARITHMETIC: Readonly<Record<ArithmeticOperator, FillTwo>> = {
  '+': (a, b, from, to, out) => {
    for (let i = from; i < to; i++) out[i] = a[i]! + b[i]!;
  },
  '-': (a, b, from, to, out) => {
    for (let i = from; i < to; i++) out[i] = a[i]! - b[i]!;
  },
  '*': (a, b, from, to, out) => {
    for (let i = from; i < to; i++) out[i] = a[i]! * b[i]!;
  },
  '/': (a, b, from, to, out) => {
    for (let i = from; i < to; i++) out[i] = a[i]! / b[i]!;
  },
  '%': (a, b, from, to, out) => {
    for (let i = from; i < to; i++) out[i] = a[i]! % b[i]!;
  },
};

const ONE: Readonly<Record<string, FillOne>> = {
  negate: (a, from, to, out) => {
    for (let i = from; i < to; i++) out[i] = -a[i]!;
  },
  abs: (a, from, to, out) => {
    for (let i = from; i < to; i++) out[i] = Math.abs(a[i]!);
  },
  sqrt: (a, from, to, out) => {
    for (let i = from; i < to; i++) out[i] = Math.sqrt(a[i]!);
  },
  floor: (a, from, to, out) => {
    for (let i = from; i < to; i++) out[i] = Math.floor(a[i]!);
  },
  ceil: (a, from, to, out) => {
    for (let i = from; i < to; i++) out[i] = Math.ceil(a[i]!);
  },
  round: (a, from, to, out) => {
    for (let i = from; i < to; i++) out[i] = Math.round(a[i]!);
  },
  log: (a, from, to, out) => {
    for (let i = from; i < to; i++) out[i] = log(a[i]!);
  },
  exp: (a, from, to, out) => {
    for (let i = from; i < to; i++) out[i] = exp(a[i]!);
  },
};

const FOLDED: Readonly<Record<string, FillTwo>> = {
  min: (a, b, from, to, out) => {
    for (let i = from; i < to; i++) out[i] = Math.min(a[i]!, b[i]!);
  },
  max: (a, b, from, to, out) => {
    for (let i = from; i < to; i++) out[i] = Math.max(a[i]!, b[i]!);
  },
  coalesce: (a, b, from, to, out) => {
    for (let i = from; i < to; i++) if (Number.isNaN(a[i]!)) out[i] = b[i]!;
  },
};
