import { onExit } from './onExit.ts';

/** Alternate screen, no cursor, and lines that end at the edge rather than wrap; then empty. */
const ENTER = '\u001b[?1049h\u001b[?25l\u001b[?7l\u001b[H\u001b[2J';
const LEAVE = '\u001b[0m\u001b[?7h\u001b[?25h\u001b[?1049l';

export interface TerminalStreams {
  readonly stdout: NodeJS.WriteStream;
  readonly stdin: NodeJS.ReadStream;
}

/**
 * The terminal while a view has it: the alternate screen and raw keys, given back once on every way out, that of an exit,
 * a signal and an uncaught error included. The scrollback is never touched.
 */
export class TerminalHold {
  readonly #streams: TerminalStreams;
  readonly #release: () => void;
  #isHeld = false;

  constructor(streams: TerminalStreams, onGone: () => void) {
    this.#streams = streams;
    this.enter();
    this.#release = onExit(() => {
      this.leave();
      onGone();
    });
  }

  enter(): void {
    if (this.#isHeld) return;
    this.#isHeld = true;
    this.#setRaw(true);
    this.#write(ENTER);
  }

  leave(): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    this.#write(LEAVE);
    this.#setRaw(false);
  }

  /** For good: nothing listens for the end of the process any more. */
  dispose(): void {
    this.#release();
    this.leave();
  }

  #write(text: string): void {
    const { stdout } = this.#streams;
    if (!stdout.destroyed && !stdout.writableEnded) stdout.write(text);
  }

  #setRaw(on: boolean): void {
    const { stdin } = this.#streams;
    if (stdin.isTTY !== true || stdin.destroyed) return;
    try {
      stdin.setRawMode(on);
    } catch (error) {
      // A terminal that is gone refuses, and there is nothing left to restore; one that cannot be taken is a failure.
      if (on) throw error;
    }
  }
}
