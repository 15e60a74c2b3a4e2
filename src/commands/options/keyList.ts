import { envName, SETTINGS_TABLE } from '../../config/settingsTable.ts';

/** `-X list`: every key with its type, default, variable and meaning. */
export function keyList(): string {
  const rows = SETTINGS_TABLE.map((row) => {
    const kind = row.choices === undefined ? row.type : row.choices.join('|');
    const value = row.defaultText ?? row.default ?? '';
    return `${row.key}=<${kind}>${value === '' ? '' : `  default ${value}`}\n    ${row.doc}; ${envName(row.key)}`;
  });
  return `${rows.join('\n')}\n`;
}
