import type { AnomalyView, TuiActions, TuiSnapshot } from '../observe/watch/snapshot.ts';
import { copySequence, noCopyReason } from './clipboard.ts';
import { frame } from './frame.ts';
import { InkScreen } from './inkScreen.tsx';
import { KeyReader } from './keys.ts';
import type { TuiOptions } from './options.ts';
import { Painter } from './painter.ts';
import { holdWrites } from './screen.ts';
import { TerminalHold } from './terminal.ts';
import { updateByKey } from './update.ts';
import { type Deed, type Effect, newView, said, settled, type Terms, type Update, type ViewState } from './view.ts';

/** An escape that nothing follows for so long is the key of that name. */
const ESCAPE_WAIT_MS = 25;
/** Where the process still runs after so long, nothing has stopped it. */
const RESUME_WAIT_MS = 300;
/** A window that is dragged changes its size many times: it is drawn again once that is over. */
const RESIZE_WAIT_MS = 100;

/** One view of the terminal, from its first frame to the screen as it was before. */
export class TuiSession {
  readonly done: Promise<void>;
  readonly #options: TuiOptions;
  readonly #terminal: TerminalHold;
  readonly #painter: Painter;
  readonly #screen: InkScreen;
  readonly #keys = new KeyReader();
  readonly #releaseStderr: () => void;
  #view: ViewState;
  #latest: TuiSnapshot;
  #timer: NodeJS.Timeout | undefined;
  #escapeTimer: NodeJS.Timeout | undefined;
  #resizeTimer: NodeJS.Timeout | undefined;
  #isOver = false;
  #settle!: (error?: Error) => void;

  constructor(options: TuiOptions) {
    const { stdout, stdin, stderr } = options;
    this.#options = options;
    this.#view = newView(options.panel, options.intervalMs);
    this.#latest = options.snapshot();
    this.done = new Promise((resolve, reject) => {
      this.#settle = (error) => (error === undefined ? resolve() : reject(error));
    });
    // Whoever stops it may not look at it.
    this.done.catch(() => {});
    this.#painter = new Painter(stdout);
    this.#releaseStderr = holdWrites(stderr);
    this.#terminal = new TerminalHold(options, () => this.#end());
    this.#screen = new InkScreen(
      () => stdout.columns || 80,
      this.#painter,
      (error) => this.#end(error),
    );
    stdout.on('resize', this.#onResize);
    stdin.on('data', this.#onData);
    stdin.resume();
    process.on('SIGCONT', this.#onContinue);
    this.#draw();
    this.#schedule();
  }

  stop(): Promise<void> {
    this.#end();
    return this.done.catch(() => {});
  }

  #end(error?: Error): void {
    if (this.#isOver) return;
    this.#isOver = true;
    for (const timer of [this.#timer, this.#escapeTimer, this.#resizeTimer]) clearTimeout(timer);
    const { stdout, stdin } = this.#options;
    stdout.off('resize', this.#onResize);
    stdin.off('data', this.#onData);
    process.off('SIGCONT', this.#onContinue);
    this.#screen.unmount();
    this.#terminal.dispose();
    stdin.pause();
    this.#releaseStderr();
    this.#settle(error);
  }

  get #terms(): Terms {
    const { stdout, ascii, color, readOnly, term } = this.#options;
    const [columns, rows] = [stdout.columns || 80, stdout.rows || 24];
    return { columns, rows, ascii, color, readOnly, noCopy: noCopyReason(term), nowMs: this.#latest.atMs };
  }

  #draw(): void {
    // What is drawn for a size that is on its way out would be in the wrong places.
    if (this.#isOver || this.#resizeTimer !== undefined) return;
    const shown = this.#view.frozen ?? this.#latest;
    const [view, terms] = [this.#view, this.#terms];
    this.#screen.draw(() => frame(shown, view, terms));
  }

  /** The next look is due an interval after this one has been drawn, so that a slow terminal is not overrun. */
  #schedule(): void {
    clearTimeout(this.#timer);
    if (this.#isOver) return;
    this.#timer = setTimeout(() => {
      this.#look();
      this.#schedule();
    }, this.#view.intervalMs);
  }

  #look(): void {
    try {
      this.#latest = this.#options.snapshot();
    } catch (error) {
      this.#end(error as Error);
      return;
    }
    this.#view = settled(this.#view, this.#latest.atMs);
    // Frames that the terminal has not taken yet would only make what follows late.
    if (this.#options.stdout.writableNeedDrain !== true) this.#draw();
  }

  readonly #onData = (chunk: Buffer | string): void => {
    clearTimeout(this.#escapeTimer);
    this.#press(this.#keys.feed(chunk));
    if (this.#keys.waits) this.#escapeTimer = setTimeout(() => this.#press(this.#keys.flush()), ESCAPE_WAIT_MS);
  };

  readonly #onResize = (): void => {
    clearTimeout(this.#resizeTimer);
    this.#resizeTimer = setTimeout(() => {
      this.#resizeTimer = undefined;
      this.#painter.clear();
      this.#draw();
    }, RESIZE_WAIT_MS);
  };

  readonly #onContinue = (): void => {
    if (this.#isOver) return;
    // Also where it was stopped from outside: the shell may have changed the mode, and Node believes that it has not.
    this.#terminal.leave();
    this.#terminal.enter();
    this.#painter.clear();
    this.#draw();
  };

  #press(keys: readonly string[]): void {
    for (const key of keys) {
      if (this.#isOver) return;
      const wasAsked = this.#view.overlay?.kind === 'ask';
      this.#take(updateByKey(key, this.#view.frozen ?? this.#latest, this.#view, this.#terms));
      // What is pasted asks at most, and answers nothing: an answer is a key of its own.
      if (!wasAsked && this.#view.overlay?.kind === 'ask') break;
    }
    this.#draw();
  }

  #take({ view, effects }: Update): void {
    this.#view = view;
    for (const effect of effects) this.#perform(effect);
  }

  #say(text: string, tone: 'good' | 'bad' | 'warn' | 'accent'): void {
    this.#take(said(this.#view, this.#terms, text, tone));
    this.#draw();
  }

  #perform(effect: Effect): void {
    const { onQuit, onInterrupt, dumpFile, actions } = this.#options;
    switch (effect.kind) {
      case 'quit':
        (onQuit ?? (() => this.#end()))();
        break;
      case 'interrupt':
        (onInterrupt ?? (() => this.#end()))();
        break;
      case 'suspend':
        this.#suspend();
        break;
      case 'refresh':
        this.#look();
        break;
      case 'interval':
        this.#schedule();
        break;
      case 'copy':
        this.#copy(effect.text);
        break;
      case 'dump':
        this.#await(dumpFile(effect.text), (path) => `written: ${path}`);
        break;
      case 'series':
        this.#open(effect.anomaly);
        break;
      case 'deed':
        this.#await(perform(actions, effect.deed), (answer) => answer, true);
    }
  }

  /** Says what came of it; an act is no longer under way then. */
  #await(work: Promise<string>, text: (result: string) => string, isAct = false): void {
    const over = (said: string, tone: 'good' | 'bad'): void => {
      if (isAct) this.#view = { ...this.#view, busy: null };
      this.#say(said, tone);
    };
    work.then(
      (result) => over(text(result), 'good'),
      (error: Error) => over(error.message, 'bad'),
    );
  }

  #open(anomaly: AnomalyView): void {
    const show = (problem: string | null, points: readonly { timeMs: number; value: number }[]): void => {
      const { overlay } = this.#view;
      // Another one may have been opened since.
      if (overlay?.kind !== 'chart' || overlay.anomaly.id !== anomaly.id) return;
      this.#view = { ...this.#view, overlay: { ...overlay, series: { anomaly, points, problem } } };
      this.#draw();
    };
    this.#options.actions.series(anomaly).then(
      ({ points, problem }) => show(problem, points),
      (error: Error) => show(error.message, []),
    );
  }

  #copy(text: string): void {
    const sequence = copySequence(text);
    if (sequence !== null) this.#options.stdout.write(sequence);
    if (sequence === null) this.#say('too long for a clipboard: o writes all into a file', 'warn');
    else this.#say(`copied ${text.length} characters, if the terminal allows it (OSC 52)`, 'good');
  }

  /** As ^Z without a view: the whole group stops, so that the shell that started it is in front again. */
  #suspend(): void {
    if (process.platform === 'win32') {
      this.#say('there is no shell to go back to: Windows suspends no process', 'warn');
      return;
    }
    this.#terminal.leave();
    process.kill(0, 'SIGTSTP');
    // Without a shell that could continue it, the signal is ignored.
    setTimeout(this.#onContinue, RESUME_WAIT_MS).unref();
  }
}

function perform(actions: TuiActions, deed: Deed): Promise<string> {
  switch (deed.kind) {
    case 'savepoint':
      return actions.savepoint(deed.pipeline, deed.name);
    case 'promote':
      return actions.promote(deed.pipeline, deed.model);
    case 'pause':
      return actions.pause(deed.pipeline);
    case 'resume':
      return actions.resume(deed.pipeline);
    case 'stop':
      return actions.stop(deed.pipeline, deed.savepoint);
  }
}
