import { formatNumber, formatRate, formatSpan } from '../output/format.ts';
import type { Tone } from './line.ts';

/** Small drawings and numbers of the panels: unknown is always `-`. */

/** A share of a width as a bar; what is not zero shows. */
export function bar(share: number, width: number): string {
  if (!(share > 0)) return ''.padEnd(width, ' ');
  const full = Math.max(1, Math.min(width, Math.round(share * width)));
  return '█'.repeat(full).padEnd(width, ' ');
}

export function gauge(share: number, width: number): string {
  const full = Math.round(Math.max(0, Math.min(1, share)) * width);
  return '█'.repeat(full) + '░'.repeat(Math.max(0, width - full));
}

export function count(value: number | null | undefined): string {
  return value === null || value === undefined ? '-' : formatNumber(value);
}

/** 1 partition, 1,200 partitions. */
export function plural(n: number, noun: string): string {
  return `${formatNumber(n)} ${noun}${n === 1 ? '' : 's'}`;
}

export function rate(value: number | null | undefined): string {
  return value === null || value === undefined ? '-' : formatRate(value);
}

export function time(value: number | null | undefined): string {
  return value === null || value === undefined ? '-' : formatSpan(value);
}

/** A measured value: six digits are more than anyone compares by eye. */
export function value(number: number | null | undefined): string {
  if (number === null || number === undefined || !Number.isFinite(number)) return '-';
  return String(Number(number.toPrecision(6)));
}

export function clock(timeMs: number | null | undefined): string {
  return iso(timeMs)?.slice(11, 19) ?? '-';
}

export function dateTime(timeMs: number | null | undefined): string {
  return iso(timeMs)?.slice(0, 19).replace('T', ' ') ?? '-';
}

/** Null outside of what a Date can hold, as a record's time may be anything. */
function iso(timeMs: number | null | undefined): string | null {
  if (timeMs === null || timeMs === undefined || !(Math.abs(timeMs) <= 8.64e15)) return null;
  return new Date(timeMs).toISOString();
}

export function percent(share: number | null | undefined): string {
  return share === null || share === undefined ? '-' : `${(share * 100).toFixed(1)} %`;
}

/** Of verdicts and states, by their words. */
const TONES: Readonly<Record<string, Tone>> = {
  OK: 'good',
  LOW: 'warn',
  HIGH: 'bad',
  WARN: 'warn',
  ERR: 'bad',
  STOP: 'bad',
  STALL: 'bad',
  REWIND: 'warn',
  NOTFOUND: 'dim',
  running: 'good',
  restoring: 'warn',
  starting: 'warn',
  paused: 'warn',
  restarting: 'bad',
  stopping: 'warn',
  stopped: 'dim',
  failed: 'bad',
  gone: 'bad',
  connected: 'good',
  connecting: 'warn',
  lost: 'bad',
  info: 'dim',
  debug: 'dim',
  warn: 'warn',
  warning: 'warn',
  error: 'bad',
  critical: 'bad',
  open: 'bad',
  update: 'warn',
  resolved: 'good',
  delivered: 'good',
  live: 'good',
};

export function toneOf(word: string | null | undefined): Tone | undefined {
  return word === null || word === undefined ? 'dim' : TONES[word];
}
