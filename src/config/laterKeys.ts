/** Keys that a later version will know: refused by name, since ignoring them would compute something else. */
export const LATER_KEYS: Readonly<Record<string, string>> = {
  'source.isolation': 'a choice of isolation',
  joins: 'joins',
};

/** Values that a later version will know, by key. */
export const LATER_VALUES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'score.detector': { model: 'a model without a detector beside it' },
  'windows[].type': { sliding: 'sliding windows' },
};
