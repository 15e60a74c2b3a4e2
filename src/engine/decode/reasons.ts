/**
 * Why a record was rejected: codes in a column, texts for dead letters and messages. Code 0 means accepted.
 */
export const REASON = {
  none: 0,
  noKey: 1,
  noTime: 2,
  ahead: 3,
  cutShort: 4,
  trailingBytes: 5,
  badVarint: 6,
  badLength: 7,
  badUnion: 8,
  badEnum: 9,
  badBoolean: 10,
  tooDeep: 11,
  noNumber: 12,
  noHeader: 13,
  unknownSchema: 14,
  noObject: 15,
  noText: 16,
  badColumns: 17,
  undecodable: 18,
  unfitSchema: 19,
} as const;

/** Texts by code, in the words of a dead letter: 'cannot be read as <text>'. */
export const REASON_TEXTS: readonly string[] = [
  'accepted',
  'no key: the field that names the series, or the record key, is missing or null',
  'no event time: the time field is missing, null or not a time',
  'ahead: the event time is further ahead of the record time than time.max_ahead',
  'the value ends before its last field',
  'bytes follow after the last field',
  'an integer has more digits than its type allows',
  'a length is negative or reaches beyond the value',
  'a union has no such branch',
  'an enum has no such symbol',
  'a boolean is neither 0 nor 1',
  'values are nested too deep',
  'a field is not a number',
  'the value does not begin with a schema header, and is no JSON object',
  'the registry does not know the schema of the value',
  'the value is no JSON object',
  'the value is not UTF-8 text',
  'the number of CSV columns differs from the given list, or a quote is open',
  'the value does not fit its schema',
  'the schema of the value has not what the pipeline reads: the key, the time, or any of its fields',
];
