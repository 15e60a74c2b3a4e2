import type { PanelId } from '../../observe/watch/panelIds.ts';
import type { PipelineView, TuiSnapshot } from '../../observe/watch/snapshot.ts';
import type { ActionId } from '../keymap.ts';
import type { Line, Tone } from '../line.ts';

/** What a panel draws from. */
export interface Scope {
  readonly snapshot: TuiSnapshot;
  /** Of the panels that show one; null where none is known. */
  readonly pipeline: PipelineView | null;
  /** Of the body: without header, message and footer. */
  readonly width: number;
  readonly height: number;
  readonly ascii: boolean;
}

export interface Column<Row> {
  readonly title: string;
  readonly width: number;
  /** Part of what is left over that this column takes. */
  readonly grow?: number;
  readonly align?: 'right';
  /** Which end of a long text is kept; of names the end. */
  readonly keep?: 'end';
  /** Where there is no room, the column of the highest rank goes first. */
  readonly rank: number;
  readonly text: (row: Row, width: number, scope: Scope) => string;
  readonly tone?: (row: Row) => Tone | undefined;
  /** Makes the column one to sort by; null comes last. */
  readonly order?: (row: Row) => number | string | null;
}

/** Rows with what stands above them, all of it pure: a panel is drawn, filtered, sorted and copied by one code. */
export interface Panel<Row> {
  readonly id: PanelId;
  readonly title: string;
  /** The question that it answers. */
  readonly answers: string;
  /** The command that prints the same. */
  readonly command: string;
  readonly rows: (scope: Scope) => readonly Row[];
  /** The same for a row of the same thing in the next snapshot. */
  readonly key: (row: Row) => string;
  /** What a filter looks into. */
  readonly search: (row: Row) => string;
  readonly columns: readonly Column<Row>[];
  readonly head: (scope: Scope) => readonly Line[];
  /** Below the rows, about the chosen one. */
  readonly detail: (row: Row, scope: Scope) => readonly Line[];
  /** Said in the place of rows. */
  readonly none: (scope: Scope) => string;
  /** The last row is chosen until another one is. */
  readonly follows?: boolean;
  /** Actions that are about its rows, for the footer. */
  readonly actions: readonly ActionId[];
  /** The pipeline that a row belongs to. */
  readonly pipelineOf?: (row: Row) => string;
}

export type AnyPanel = Panel<unknown>;

/** Forgets the type of the rows: a panel only ever gets its own back. */
export function definePanel<Row>(panel: Panel<Row>): AnyPanel {
  return panel as unknown as AnyPanel;
}
