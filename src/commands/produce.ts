import type { Command } from './command.ts';

export const produce: Command = {
  name: 'produce',
  group: 'Pipeline',
  summary: 'Load CSV, JSON Lines, Parquet and Avro files into a topic, in the order of their event times',
  description:
    'Reads files, folders (recursively), globs and - for stdin: CSV, JSON Lines, Parquet and Avro container files, text\n' +
    'and Avro also compressed by gzip or zstd. What a file is, its first bytes say. Files are merged by event time;\n' +
    '--order file reads one after the other. Of a folder, .csv, .tsv, .jsonl, .ndjson, .parquet and .avro (and .gz, .zst)\n' +
    'are read, sorted by path. At most 256 files are open at once: more are closed and opened again as the merge needs.\n' +
    '\n' +
    'Columns of text are inferred from the first rows of each file: times (ISO 8601, or epoch s, ms, us, ns by name and\n' +
    'size), whole numbers, numbers, booleans, text; nullable where values are missing. A type holds when four fifths of\n' +
    'the values have it; rows with other values are bad. A time without a zone is UTC. Whole numbers that neither 64 bits\n' +
    'nor a double hold are text. The event time is the column called timestamp, ts, time, event_time, datetime, date and\n' +
    'the like, or the first of times. Nested JSON objects become columns a_b; arrays stay text. Spaces around a bare CSV\n' +
    'field are dropped. Parquet columns keep their types, decimals, nanoseconds, lists, maps and structs included; Avro\n' +
    'records go on byte for byte under the schema of their file. Beside text files they become columns as text has them.\n' +
    '\n' +
    'Records are keyed by the column called series, sensor, sensor_id, device, host, metric, id and the like, or ending\n' +
    'in _id, where there is one; else by file: then a field `series` holds its path below the given folder, without\n' +
    'extension. Keys are placed as the Java client does. A topic that is missing is made, with one partition.\n' +
    '\n' +
    'The schema goes to the registry as <topic>-value after a compatibility check; one that is there and fits is used.\n' +
    'Rows that cannot be read go to <topic>.rejects.ndjson with file, line and reason. ^C sends what was read, and says\n' +
    'how far it came.\n' +
    '\n' +
    'With --resumable or --resume each record says in its header anomaly.resume which row of its partition it is, and\n' +
    'holds a digest of all rows before it. --resume reads the last of these in each partition, passes over the source up\n' +
    'to there, and goes on: after kill -9 as well, no row is lost or there twice. It refuses, before anything is sent,\n' +
    'where the source up to there or a flag that shapes the records has changed. Records of others in between do not\n' +
    'matter. A load is known by the names of its files and their order.',
  arguments: [{ name: 'inputs', summary: 'files, folders, globs, or - for stdin', required: true, variadic: true }],
  options: [
    {
      flags: '--topic <name>',
      summary: 'topic to write to (default: the source topic of anomaly.yaml, if it has one)',
      type: 'string',
    },
    { flags: '--key <column>', summary: 'column that keys the records', type: 'string' },
    { flags: '--by-file', summary: 'key by file', type: 'boolean' },
    { flags: '--keyless', summary: 'no key; rows go round the partitions in batches', type: 'boolean' },
    { flags: '--time <column>', summary: 'column with the event time', type: 'string' },
    {
      flags: '--order <order>',
      summary: 'time merges the files, file reads one after the other',
      choices: ['time', 'file'],
    },
    { flags: '--schema <file>', summary: 'Avro schema (.avsc) in place of the inferred one', type: 'string' },
    {
      flags: '--format <format>',
      summary: 'encoding of values; json needs no registry',
      choices: ['avro', 'json'],
      default: 'avro',
    },
    { flags: '--partitions <n>', summary: 'partitions of a topic that is made', type: 'integer', default: 1 },
    { flags: '--replication-factor <n>', summary: "its replicas (default: the broker's)", type: 'integer' },
    {
      flags: '--topic-config <key=value>',
      summary: 'a configuration of a topic that is made',
      type: 'string',
      repeatable: true,
    },
    { flags: '--rate <n>', summary: 'rows a second', type: 'number' },
    { flags: '--speed <pace>', summary: 'pace of event time: 60x, 1x, max (default: max)', type: 'string' },
    { flags: '--loop', summary: 'begin again at the end, with event time going on', type: 'boolean' },
    { flags: '--limit <n>', summary: 'rows to send', type: 'integer' },
    {
      flags: '--resumable',
      summary: 'mark the records (header anomaly.resume), so that --resume can go on later',
      type: 'boolean',
    },
    {
      flags: '--resume',
      summary: 'go on behind the marked rows that are in the topic; in an empty one, begin',
      type: 'boolean',
    },
    { flags: '--record-time <time>', summary: 'timestamp of the records', choices: ['now', 'event'], default: 'now' },
    {
      flags: '--max-errors <n>',
      summary: 'bad rows above which it stops, as 50 or 2% (default: 100, or 1% if more)',
      type: 'string',
    },
    { flags: '--rejects <file>', summary: 'where bad rows go (default: <topic>.rejects.ndjson here)', type: 'string' },
    { flags: '--sample <rows>', summary: 'rows of each file to infer columns from', type: 'integer', default: 1000 },
    {
      flags: '--input-format <format>',
      summary: 'how all text is read, stdin too (default: by extension, else by the first byte)',
      choices: ['csv', 'jsonl'],
    },
    {
      flags: '--max-row-bytes <n>',
      summary: 'longer rows of text are bad (default: 4194304)',
      type: 'integer',
    },
    {
      flags: '--delimiter <char>',
      summary: 'of CSV (default: the one of , ; tab | that the header has most of)',
      type: 'string',
    },
    { flags: '--columns <names>', summary: 'column names, by commas, of CSV without a header', type: 'string' },
    {
      flags: '--compression <codec>',
      summary: 'of record batches',
      choices: ['none', 'gzip', 'snappy', 'lz4', 'zstd'],
      default: 'none',
    },
    { flags: '--dry-run', summary: 'show files, schema, key and first records; connects to nothing', type: 'boolean' },
  ],
  examples: [
    { command: 'anomaly produce data/processed --topic raw-sensors', comment: 'a folder, merged by event time' },
    { command: 'anomaly produce data/processed --topic raw-sensors --dry-run', comment: 'what it would do' },
    {
      command: 'anomaly produce pump.csv --topic raw-sensors --key sensor_id --speed 60x',
      comment: 'an hour a minute',
    },
    { command: 'anomaly produce day1.parquet day2.avro --topic raw-sensors', comment: 'types as the files have them' },
    {
      command: 'anomaly produce archive --topic raw-sensors --resume',
      comment: 'begin, or go on where the last attempt was killed',
    },
    {
      command: 'curl -s $URL/events.jsonl.gz | anomaly produce - --topic events --format json',
      comment: 'stdin, without a registry',
    },
  ],
  run: async (context) => {
    const { runProduce } = await import('./produce/run.ts');
    return await runProduce(context);
  },
};
