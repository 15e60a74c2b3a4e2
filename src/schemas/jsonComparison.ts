import type { SideNames } from './incompatibility.ts';
import type { JsonSchema } from './jsonModel.ts';

/** What the rooms of rules need: reporting, and comparing what lies below. */
export interface JsonComparison {
  readonly names: SideNames;
  add(rule: string, path: string, message: string): void;
  /** Says that nothing can be said about this keyword. */
  giveUp(path: string, keyword: string): void;
  compare(reader: JsonSchema, writer: JsonSchema, path: string): void;
}
