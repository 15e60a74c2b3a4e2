/** Names that the column of the event time usually has, the likeliest first. */
const TIME_NAMES = [
  ...[
    'timestamp',
    'event_time',
    'eventtime',
    'ts',
    'time',
    'datetime',
    'date_time',
    '@timestamp',
    'date',
    'epoch',
    'when',
  ],
  ...['created_at', 'createdat', 'recorded_at', 'measured_at'],
];
const TIME_ENDINGS = /(timestamp|_time|_ts|_at|time_?(s|ms|us|ns)|ts_?(s|ms|us|ns)|epoch_?(s|ms|us|ns))$/;

/** Index of the column whose name is likeliest that of the event time, among those that hold times; -1 for none. */
export function chooseByName(names: readonly string[], holdsTimes: (index: number) => boolean): number {
  const lower = names.map((name) => name.toLowerCase());
  for (const name of TIME_NAMES) {
    const index = lower.indexOf(name);
    if (index >= 0 && holdsTimes(index)) return index;
  }
  return lower.findIndex((name, i) => TIME_ENDINGS.test(name) && holdsTimes(i));
}

/** Median of the positive differences between neighbours; NaN when there is none. */
export function usualStep(times: readonly number[]): number {
  const steps = times
    .slice(1)
    .map((time, i) => time - times[i]!)
    .filter((step) => step > 0);
  steps.sort((a, b) => a - b);
  return steps[steps.length >> 1] ?? Number.NaN;
}
