/** What `config init` writes: the keys that most pipelines set, the rest as comments with their defaults. */
export const CONFIG_TEMPLATE = `# A pipeline of anomaly. Run it with: anomaly run
# Every key has a flag or -X key=value; anomaly -X list shows all keys, anomaly config show their values.
version: 1
pipeline: pump-room            # also the consumer group

source:
  topics: [raw-sensors]
  # key: sensor_id             # field that names the series; without it the record key does
  # time: ts                   # field with the event time; without it the record timestamp does
  # fields: {value: value}     # name: path of a number in the value
  # format: auto               # auto, avro, json or csv
  # start: earliest            # or latest; where to begin without a committed offset

time:
  out_of_orderness: 5s         # how far the watermark stays behind the highest event time
  max_ahead: 10m               # further ahead of the record time: dead letters; off for history

windows:
  - {name: w5m, type: tumbling, size: 5m, aggregates: [count, mean, min, max, stddev]}

# features:
#   - {name: mean_1h, statistic: mean, of: w5m.mean, rolling: 12}   # of the last 12 values

score:
  on: record                   # or an aggregate of a window: w5m.mean
  detector: kpi                # kpi, rolling-z or range
  sensitivity: medium          # low, medium or high
  # threshold: 6               # in place of the sensitivity
  # refractory: 1h             # event time after an alert without another of the same series and rule

# overrides:
#   - {series: "pump-*", min: 0, max: 90, sensitivity: low}

# sinks: {windows: raw-sensors.windows, anomalies: raw-sensors.anomalies, late: raw-sensors.late, dead_letters: raw-sensors.dlq}
# checkpoint: {every: 1s}      # least time between commits
# guarantee: at-least-once

# brokers: [localhost:9092]    # also --brokers, RPK_BROKERS or the rpk profile
# registry: {urls: [localhost:8081]}
# sasl: {mechanism: SCRAM-SHA-256, user: me, password: "env:KAFKA_PASSWORD"}
`;
