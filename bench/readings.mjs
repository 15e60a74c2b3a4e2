// The input of the fused job, the same for every system compared: deterministic, no dependencies.
// for (const {key, tsMs, value, partition} of readings(8_000_000, 10_000, 4)) …
// Facts to check against: for 8,000,000 records, 10,000 sensors, 4 partitions, Kafka Streams 4.1 and Flink 1.20 both give
// 260,000 closed 5-minute windows (the 27th stays open) and 880 alerts by this rule: with the previous at most 64 values of the
// sensor (the current one excluded), at least 8 of them, |value - mean| > 6 * population standard deviation.
export function* readings(count, sensors = 10_000, partitions = 4) {
  let state = 12345;
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return (state >>> 0) / 4294967296;
  };
  const bell = () => {
    let x = 0;
    for (let i = 0; i < 6; i++) x += uniform();
    return (x - 3) * 1.41;
  };
  const startMs = 1735689600000,
    perSecond = sensors / 10;
  for (let i = 0; i < count; i++) {
    const k = i % sensors;
    const tsMs = startMs + Math.floor((i / perSecond) * 1000);
    let value = 20 + 5 * Math.sin(tsMs / 6e5 + k) + 0.5 * bell();
    if (uniform() < 1e-4) value += 15;
    yield { key: 'sensor-' + String(k).padStart(5, '0'), tsMs, value, partition: k % partitions };
  }
}
