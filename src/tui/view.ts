import type { PanelId } from '../observe/watch/panelIds.ts';
import { PANEL_IDS } from '../observe/watch/panelIds.ts';
import type { AnomalyView, PipelineView, SeriesView, TuiSnapshot } from '../observe/watch/snapshot.ts';
import type { Tone } from './line.ts';
import type { Scope } from './panels/panel.ts';
import { NEW_PANEL, type PanelState } from './table.ts';

/** What the screen shows besides the snapshot: changed by keys and by answers only (update.ts), drawn by frame.ts. */
export interface ViewState {
  readonly panel: PanelId;
  readonly panels: Readonly<Record<PanelId, PanelState>>;
  /** Name of the pipeline that panels of one pipeline show; null is the first. */
  readonly pipeline: string | null;
  readonly overlay: Overlay | null;
  /** The snapshot that stays on the screen. */
  readonly frozen: TuiSnapshot | null;
  readonly intervalMs: number;
  readonly message: Message | null;
  /** What was asked for and is not answered yet. */
  readonly busy: string | null;
  /** Leaving, which takes as long as it takes to drain. */
  readonly leaving: boolean;
}

export interface Message {
  readonly text: string;
  readonly tone: Tone;
  readonly atMs: number;
}

export type Overlay =
  | { readonly kind: 'help'; readonly top: number }
  | { readonly kind: 'row'; readonly row: unknown; readonly top: number }
  | { readonly kind: 'chart'; readonly anomaly: AnomalyView; readonly series: SeriesView | null; readonly top: number }
  | { readonly kind: 'filter'; readonly text: string; readonly before: string }
  | { readonly kind: 'ask'; readonly ask: Ask; readonly typed: string };

/** A question before something is done. */
export interface Ask {
  readonly question: string;
  /** `yes`: y does it. `name`: what is typed is the name to use. `same`: it has to be `expected`, letter for letter. */
  readonly how: 'yes' | 'name' | 'same';
  readonly expected: string | null;
  readonly deed: Deed;
}

/** What goes through the control topic. */
export type Deed =
  | { readonly kind: 'savepoint'; readonly pipeline: string; readonly name: string }
  | { readonly kind: 'promote'; readonly pipeline: string; readonly model: string }
  | { readonly kind: 'pause' | 'resume'; readonly pipeline: string }
  | { readonly kind: 'stop'; readonly pipeline: string; readonly savepoint: string };

/** What a key makes the program do besides changing the view. */
export type Effect =
  | { readonly kind: 'quit' | 'interrupt' | 'suspend' | 'refresh' | 'interval' }
  | { readonly kind: 'copy' | 'dump'; readonly text: string }
  | { readonly kind: 'series'; readonly anomaly: AnomalyView }
  | { readonly kind: 'deed'; readonly deed: Deed };

/** Four a second are enough to see movement, and few enough to cost a pipeline nothing that counts. */
export const INTERVALS_MS: readonly number[] = [250, 500, 1000, 2000, 5000, 10_000];

export function newView(panel: PanelId = 'pipeline', intervalMs: number = INTERVALS_MS[0]!): ViewState {
  return {
    panel,
    panels: Object.fromEntries(PANEL_IDS.map((id) => [id, NEW_PANEL])) as Record<PanelId, PanelState>,
    pipeline: null,
    overlay: null,
    frozen: null,
    intervalMs: Math.max(INTERVALS_MS[0]!, intervalMs),
    message: null,
    busy: null,
    leaving: false,
  };
}

/** What the terminal and the one who started it allow. */
export interface Terms {
  readonly columns: number;
  readonly rows: number;
  readonly ascii: boolean;
  readonly color: boolean;
  readonly readOnly: boolean;
  /** Epoch milliseconds, of the newest snapshot. */
  readonly nowMs: number;
  /** Why nothing can be copied here; null where the terminal may be asked to. */
  readonly noCopy: string | null;
}

/** One column stays free: to erase behind a character in the last one would erase that character. */
export function drawnColumns(columns: number): number {
  return Math.max(1, columns - 1);
}

/** Rows besides the body: header, panels, message and footer. */
export const AROUND_ROWS = 4;

export function scopeOf(snapshot: TuiSnapshot, view: ViewState, terms: Terms): Scope {
  const { columns, rows, ascii } = terms;
  const pipeline = pipelineOf(snapshot, view.pipeline);
  return { snapshot, pipeline, width: drawnColumns(columns), height: Math.max(1, rows - AROUND_ROWS), ascii };
}

function pipelineOf(snapshot: TuiSnapshot, name: string | null): PipelineView | null {
  return snapshot.pipelines.find((each) => each.name === name) ?? snapshot.pipelines[0] ?? null;
}

export interface Update {
  readonly view: ViewState;
  readonly effects: readonly Effect[];
}

export function show(view: ViewState, panel: PanelId): ViewState {
  return { ...view, panel, message: null };
}

export function withPanel(view: ViewState, change: Partial<PanelState>): ViewState {
  return { ...view, panels: { ...view.panels, [view.panel]: { ...view.panels[view.panel], ...change } } };
}

export function still(view: ViewState): Update {
  return { view, effects: [] };
}

export function said(
  view: ViewState,
  terms: Terms,
  text: string,
  tone: 'accent' | 'warn' | 'good' | 'bad' = 'warn',
): Update {
  return still({ ...view, message: { text, tone, atMs: terms.nowMs } });
}

/** Long enough to be read. */
const MESSAGE_MS = 6000;

/** Without a message that has been there long enough. */
export function settled(view: ViewState, nowMs: number): ViewState {
  return view.message !== null && nowMs - view.message.atMs > MESSAGE_MS ? { ...view, message: null } : view;
}
