import type { Checked } from './checked.ts';
import { checkItems, isItemKind, parseItems } from './items.ts';
import { type Checkable, checkScalar, parseScalar, splitList } from './values.ts';

/** A value of any type given as text: by a flag, -X or the environment. */
export function parseText(row: Checkable, text: string): Checked {
  if (isItemKind(row.type)) return parseItems(row.type, splitList(text));
  return parseScalar(row, text);
}

/** A value of any type in a YAML file, as its JavaScript value. */
export function checkNode(row: Checkable, node: unknown): Checked {
  if (isItemKind(row.type)) return checkItems(row.type, node);
  return checkScalar(row, node);
}
