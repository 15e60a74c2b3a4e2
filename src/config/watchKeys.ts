import type { SettingRow } from './settingRow.ts';

/** The keys of anomaly.yaml for the rules beside the detector. */
export const WATCH_KEYS: readonly SettingRow[] = [
  {
    key: 'score.watch',
    type: 'list',
    defaultText: 'missing, flat beside kpi, sensor and auto; else none',
    doc: 'rules beside the detector: missing, flat, shift, drift, multivariate, peers, subsequence; or none; missing, multivariate and peers need records to be scored, and the silence of a whole partition is only told with time.idle_after',
  },
  {
    key: 'score.missing.after',
    type: 'duration',
    min: 1,
    defaultText: 'learnt by series',
    doc: 'missing: event time without a value after which a series is missing, whether it comes regularly or not; without it ten usual intervals and three of the longest pauses',
  },
  {
    key: 'score.flat.threshold',
    type: 'number',
    min: 0,
    defaultText: 'by sensitivity',
    doc: 'flat: -log10 p of a run of equal values',
  },
  {
    key: 'score.multivariate.group_by',
    type: 'string',
    defaultText: 'the fields of a record',
    doc: 'multivariate: watches the series of an asset together, which is what stands in a key before the last of this sign: / makes pump-7 of pump-7/pressure; * for all series; they have to be in one partition',
  },
  {
    key: 'score.multivariate.threshold',
    type: 'number',
    min: 0,
    defaultText: 'by sensitivity',
    doc: 'multivariate: -log10 p, mean of values and differences',
  },
  {
    key: 'score.peers.group_by',
    type: 'string',
    default: '*',
    doc: 'peers: the group of a series, as score.multivariate.group_by; * for all series of the partition',
  },
  {
    key: 'score.peers.threshold',
    type: 'number',
    min: 0,
    defaultText: 'by sensitivity',
    doc: 'peers: -log10 p of the distance to the group',
  },
  {
    key: 'score.subsequence.length',
    type: 'integer',
    default: '32',
    min: 8,
    max: 128,
    doc: 'subsequence: values of the shape that is compared',
  },
];
