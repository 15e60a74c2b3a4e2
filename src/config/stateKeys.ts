import type { SettingRow } from './settingRow.ts';

/** How much state there may be, how long it is kept, and where it is. */
export const STATE_KEYS: readonly SettingRow[] = [
  {
    key: 'state.backend',
    type: 'string',
    default: 'memory',
    choices: ['memory', 'lmdb'],
    doc: 'where the state of series is: memory, or lmdb for more series than memory holds, with the hot part in memory',
  },
  {
    key: 'state.ttl',
    type: 'duration',
    default: 'off',
    min: 1,
    offAllowed: true,
    doc: 'event time without a record after which a series is forgotten, once its windows are closed, with a count window that is not full; off for never. With time.watermark: series and time.idle_after: off nothing closes the windows of a silent series, so it is never forgotten',
  },
  {
    key: 'state.max_series',
    type: 'integer',
    default: 'off',
    min: 1,
    offAllowed: true,
    doc: 'most series of a partition that have state at once; off for no bound',
  },
  {
    key: 'state.on_full',
    type: 'string',
    default: 'reject',
    choices: ['reject', 'evict'],
    doc: 'a series too many: reject sends its records to dead letters, evict forgets the one seen least recently, of the 64 such ones the first without an open window, and refuses where all have one',
  },
  {
    key: 'state.hot_series',
    type: 'integer',
    default: '100000',
    min: 1024,
    max: 100_000_000,
    doc: 'lmdb: series of a partition whose features and scores are in memory',
  },
];
