/** What `config init` writes: the keys that most pipelines set, the rest as comments with their defaults. */
export const CONFIG_TEMPLATE = `# A pipeline of anomaly. Run it with: anomaly run
# Every key has a flag or -X key=value; anomaly -X list shows all keys, anomaly config show their values.
version: 1
pipeline: pump-room            # also the consumer group, and the name of its topics

source:
  topics: [raw-sensors]
  # key: sensor_id             # field that names the series; without it the record key does
  # time: ts                   # field with the event time; without it the record timestamp does
  # fields: {value: value}     # name: path of a number in the value
  # where: value != null and series ~ 'pump-*'   # other records are not processed
  # format: auto               # auto, avro, json or csv
  # start: earliest            # or latest; where to begin without a committed offset

# derive: {fahrenheit: value * 1.8 + 32}   # further fields: expressions over the fields

time:
  out_of_orderness: 5s         # how far the watermark stays behind the highest event time
  max_ahead: 10m               # further ahead of the record time: dead letters; off for history
  # allowed_lateness: 1m       # late records put their window out again for so long; later ones go to sinks.late
  # idle_after: 30s            # silence after which time goes on without records
  # watermark: series          # each series has its own clock

windows:
  - {name: w5m, type: tumbling, size: 5m, aggregates: [count, mean, min, max, stddev]}
  # - {size: 1h, advance: 1m, aggregates: [mean, p99]}              # hopping: 1 h long, each minute
  # - {gap: 10m}                                                    # a session ends after 10 minutes of silence
  # - {type: count, size: 100}                                      # every 100 values of a series
  # - {name: day, size: 1d, timezone: Europe/Berlin}                # from midnight to midnight

# features:
#   - {name: mean_1h, statistic: mean, of: w5m.mean, rolling: 12}     # of the last 12 values
#   - {name: median_1h, statistic: median, of: value, rolling: 1h}    # of the last hour of event time
#   - {name: last_week, statistic: same_time, of: w5m.mean, ago: 7d}

score:
  on: record                   # or an aggregate of a window: w5m.mean
  detector: auto               # or kpi, sensor, mad-z, ewma, rolling-z, range, threshold
  sensitivity: medium          # low, medium or high
  # threshold: 6               # in place of the sensitivity
  # refractory: 12h            # event time after an alert without another of the same series and rule

# overrides:
#   - {series: "pump-*", min: 0, max: 90, sensitivity: low}

# sinks: {windows: pump-room.windows, anomalies: pump-room.anomalies, late: pump-room.late, dead_letters: pump-room.dlq}
# state: {ttl: 30d, max_series: 100000, on_full: evict}   # a bound for series that come and go; backend: lmdb for millions
# commit_every: 1s             # with exactly-once an alert is committed at once
# checkpoint: {every: 10s}     # how much a restart reads again at most
# guarantee: at-least-once

# brokers: [localhost:9092]    # also --brokers, RPK_BROKERS or the rpk profile
# registry: {urls: [localhost:8081]}
# sasl: {mechanism: SCRAM-SHA-256, user: me, password: "env:KAFKA_PASSWORD"}
`;
