import { FALSE, MaskBuffer, type MaskColumn, type NumberColumn, type SeriesNames, TRUE, UNKNOWN } from './columns.ts';
import type { CompareOperator } from './syntax.ts';

// The loops read these: an imported constant is read from memory each time, which makes them four times as slow.
const NO = FALSE;
const YES = TRUE;
const NULL = UNKNOWN;

export function comparedColumn(operator: CompareOperator, left: NumberColumn, right: NumberColumn): MaskColumn {
  const fill = COMPARISONS[operator];
  const buffer = new MaskBuffer();
  return (columns, from, to) => {
    const a = left(columns, from, to);
    const b = right(columns, from, to);
    const out = buffer.room(to);
    fill(a, b, from, to, out);
    return out;
  };
}

/** Never unknown. */
export function nullColumn(operand: NumberColumn, negated: boolean): MaskColumn {
  const buffer = new MaskBuffer();
  const yes = negated ? NO : YES;
  return (columns, from, to) => {
    const a = operand(columns, from, to);
    const out = buffer.room(to);
    for (let i = from; i < to; i++) out[i] = Number.isNaN(a[i]!) ? yes : 1 - yes;
    return out;
  };
}

export function inColumn(operand: NumberColumn, items: readonly number[], negated: boolean): MaskColumn {
  const buffer = new MaskBuffer();
  const wanted = Float64Array.from(items);
  const yes = negated ? NO : YES;
  return (columns, from, to) => {
    const a = operand(columns, from, to);
    const out = buffer.room(to);
    for (let i = from; i < to; i++) {
      const value = a[i]!;
      let found = Number.isNaN(value) ? NULL : 1 - yes;
      for (let k = 0; k < wanted.length; k++) if (wanted[k] === value) found = yes;
      out[i] = found;
    }
    return out;
  };
}

export function notColumn(operand: MaskColumn): MaskColumn {
  const buffer = new MaskBuffer();
  return (columns, from, to) => {
    const a = operand(columns, from, to);
    const out = buffer.room(to);
    for (let i = from; i < to; i++) out[i] = a[i] === NULL ? NULL : 1 - a[i]!;
    return out;
  };
}

/** One false makes `and` false, one true makes `or` true; else one unknown makes it unknown. */
export function joinedColumn(kind: 'and' | 'or', operands: readonly MaskColumn[]): MaskColumn {
  const buffer = new MaskBuffer();
  const decisive = kind === 'and' ? NO : YES;
  return (columns, from, to) => {
    const out = buffer.room(to);
    out.fill(1 - decisive, from, to);
    for (const operand of operands) {
      const a = operand(columns, from, to);
      for (let i = from; i < to; i++) {
        if (out[i] === decisive || a[i] === decisive) out[i] = decisive;
        else if (a[i] === NULL) out[i] = NULL;
      }
    }
    return out;
  };
}

/** A test of the series' name, made once a series. Unknown where a row has no series. */
export function seriesColumn(test: (name: string) => boolean): MaskColumn {
  const buffer = new MaskBuffer();
  const verdicts = new Verdicts(test);
  return (columns, from, to) => {
    const { series, names } = columns;
    const known = verdicts.of(names);
    const out = buffer.room(to);
    for (let i = from; i < to; i++) out[i] = series[i]! < 0 ? NULL : known[series[i]!]!;
    return out;
  };
}

/** The verdicts by id; ids are given in ascending order, so those that are not there yet are the last. */
class Verdicts {
  readonly #test: (name: string) => boolean;
  #names: SeriesNames | undefined;
  #size = 0;
  #values = new Uint8Array(64);

  constructor(test: (name: string) => boolean) {
    this.#test = test;
  }

  of(names: SeriesNames): Uint8Array {
    if (names !== this.#names) {
      this.#names = names;
      this.#size = 0;
    }
    if (names.size > this.#values.length) {
      const grown = new Uint8Array(Math.max(names.size, this.#values.length * 2));
      grown.set(this.#values);
      this.#values = grown;
    }
    for (; this.#size < names.size; this.#size++) {
      this.#values[this.#size] = this.#test(names.text(this.#size)) ? YES : NO;
    }
    return this.#values;
  }
}

type Fill = (a: Float64Array, b: Float64Array, from: number, to: number, out: Uint8Array) => void;

// Comparisons with NaN are false: what is neither so nor the other way round is unknown.
const COMPARISONS: Readonly<Record<CompareOperator, Fill>> = {
  '==': (a, b, from, to, out) => {
    for (let i = from; i < to; i++) out[i] = a[i] === b[i] ? YES : isNull(a[i]!, b[i]!) ? NULL : NO;
  },
  '!=': (a, b, from, to, out) => {
    for (let i = from; i < to; i++) out[i] = a[i] === b[i] ? NO : isNull(a[i]!, b[i]!) ? NULL : YES;
  },
  '<': (a, b, from, to, out) => {
    for (let i = from; i < to; i++) out[i] = a[i]! < b[i]! ? YES : a[i]! >= b[i]! ? NO : NULL;
  },
  '<=': (a, b, from, to, out) => {
    for (let i = from; i < to; i++) out[i] = a[i]! <= b[i]! ? YES : a[i]! > b[i]! ? NO : NULL;
  },
  '>': (a, b, from, to, out) => {
    for (let i = from; i < to; i++) out[i] = a[i]! > b[i]! ? YES : a[i]! <= b[i]! ? NO : NULL;
  },
  '>=': (a, b, from, to, out) => {
    for (let i = from; i < to; i++) out[i] = a[i]! >= b[i]! ? YES : a[i]! < b[i]! ? NO : NULL;
  },
};

function isNull(a: number, b: number): boolean {
  return Number.isNaN(a) || Number.isNaN(b);
}
