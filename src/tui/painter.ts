/** What the painter needs of a stream. */
export interface Screen {
  write(text: string): boolean;
}

const BEGIN = '\u001b[?2026h';
const END = '\u001b[?2026l';
/** Of the screen that is seen; the scrollback stays. */
const CLEAR = '\u001b[2J';
const ERASE_TO_END = '\u001b[K';

/**
 * Puts frames onto the screen by writing only lines that changed, each at its place: no line is erased before its
 * successor is there, so nothing flickers, and nothing ever scrolls. A terminal that knows synchronised output (DEC
 * mode 2026) shows a frame at once; others ignore it.
 *
 * Ink's own writer is not used: it erases all lines with every frame, and clears the terminal, scrollback and all, when
 * a frame is as high as the screen.
 */
export class Painter {
  readonly #screen: Screen;
  #shown: readonly string[] = [];
  #isCleared = false;

  constructor(screen: Screen) {
    this.#screen = screen;
  }

  /** Rows from the top that a frame has other lines in than the screen shows. */
  changes(lines: readonly string[]): number[] {
    const changed: number[] = [];
    for (let y = 0; y < Math.max(lines.length, this.#shown.length); y++) {
      if ((lines[y] ?? '') !== (this.#shown[y] ?? '')) changed.push(y);
    }
    return changed;
  }

  /** Puts a frame in the place of the one before. `laidOut` has the lines of the rows in `changed` as they are sent. */
  paint(lines: readonly string[], changed: readonly number[], laidOut: readonly string[]): void {
    let text = this.#isCleared ? CLEAR : '';
    this.#isCleared = false;
    changed.forEach((y, i) => {
      text += `\u001b[${y + 1};1H${laidOut[i] ?? ''}${ERASE_TO_END}`;
    });
    this.#shown = [...lines];
    if (text !== '') this.#screen.write(BEGIN + text + END);
  }

  /** The screen is not what it was: the next frame begins with an empty one. */
  clear(): void {
    this.#shown = [];
    this.#isCleared = true;
  }
}
