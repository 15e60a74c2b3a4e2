/** Numbers, sizes and times as people read them. Independent of the locale, so that output is the same everywhere. */

import { utcTime } from '../platform/utcTime.ts';

/** 1234567 -> 1,234,567. Fractions are kept. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  const [whole = '', fraction] = String(value).split('.');
  if (/e/.test(String(value))) return String(value);
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ',');
  return fraction === undefined ? grouped : `${grouped}.${fraction}`;
}

const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** 1536 -> 1.5 KiB. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < BYTE_UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${BYTE_UNITS[unit]}`;
}

/** A span rounded for reading: 0.4 ms, 12 ms, 3.2 s, 2m05s, 1h30m, 3d04h. */
export function formatSpan(spanMs: number): string {
  if (!Number.isFinite(spanMs)) return '-';
  if (spanMs < 0) return `-${formatSpan(-spanMs)}`;
  if (spanMs < 10) return `${Number(spanMs.toFixed(1))} ms`;
  if (spanMs < 1000) return `${Math.round(spanMs)} ms`;
  if (spanMs < 60_000) return `${(spanMs / 1000).toFixed(1)} s`;
  const seconds = Math.round(spanMs / 1000);
  const two = (value: number) => String(value).padStart(2, '0');
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m${two(seconds % 60)}s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 1440) return `${Math.floor(minutes / 60)}h${two(minutes % 60)}m`;
  const hours = Math.round(minutes / 60);
  return `${Math.floor(hours / 24)}d${two(hours % 24)}h`;
}

/** 12345.6 per second -> 12,346/s; below ten with one decimal. */
export function formatRate(perSecond: number): string {
  if (!Number.isFinite(perSecond)) return '-';
  return `${perSecond < 10 ? Number(perSecond.toFixed(1)) : formatNumber(Math.round(perSecond))}/s`;
}

/** Epoch milliseconds as ISO 8601 in UTC; a dash for NaN. */
export function formatTime(timeMs: number): string {
  return Number.isFinite(timeMs) ? utcTime(timeMs) : '-';
}
