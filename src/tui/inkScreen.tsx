/** @jsxRuntime automatic @jsxImportSource react */
import { EventEmitter } from 'node:events';
import { Box, type Instance, render, Text } from 'ink';
import type { ReactNode } from 'react';
import type { Painter } from './painter.ts';

/**
 * Ink as what lays out the rows that changed: it gets a stream of its own, whose writes are whole outputs (Ink's debug
 * mode), and they go to the painter. So none of its writing, resizing, raw mode and throttling is in the way, and a
 * frame costs what is new in it: Ink goes through every cell of what it is given.
 */
export class InkScreen {
  readonly #columns: () => number;
  readonly #painter: Painter;
  readonly #onError: (error: Error) => void;
  readonly #stdout: NodeJS.WriteStream;
  #app: Instance | undefined;
  #output = '';

  /**
   * @param columns of the terminal now
   * @param onError gets what a panel or the drawing threw: whoever draws stops then
   */
  constructor(columns: () => number, painter: Painter, onError: (error: Error) => void) {
    this.#columns = columns;
    this.#painter = painter;
    this.#onError = onError;
    this.#stdout = this.#ownStream();
  }

  /** Draws at once; a frame that is as the one before costs no more than to see that. */
  draw(makeLines: () => readonly string[]): void {
    try {
      this.#paint(makeLines());
    } catch (error) {
      this.#onError(error as Error);
    }
  }

  #paint(lines: readonly string[]): void {
    const changed = this.#painter.changes(lines);
    if (changed.length === 0) return;
    this.#output = '';
    const rows = <Rows texts={changed.map((y) => lines[y] ?? '')} />;
    if (this.#app === undefined) this.#app = this.#render(rows);
    else this.#app.rerender(rows);
    this.#painter.paint(lines, changed, this.#output.split('\n'));
  }

  unmount(): void {
    this.#app?.unmount();
  }

  #render(tree: ReactNode): Instance {
    return render(tree, {
      stdout: this.#stdout,
      stderr: this.#stdout,
      stdin: Object.assign(new EventEmitter(), { isTTY: false }) as unknown as NodeJS.ReadStream,
      debug: true,
      exitOnCtrlC: false,
      patchConsole: false,
      isScreenReaderEnabled: false,
    });
  }

  #ownStream(): NodeJS.WriteStream {
    const columns = this.#columns;
    const stream = Object.assign(new EventEmitter(), {
      isTTY: false,
      write: (text: string): boolean => {
        this.#output = text;
        return true;
      },
    });
    Object.defineProperty(stream, 'columns', { get: columns });
    return stream as unknown as NodeJS.WriteStream;
  }
}

/** One row below the other. */
function Rows({ texts }: { readonly texts: readonly string[] }) {
  return (
    <Box flexDirection="column">
      {texts.map((text, row) => (
        <Text key={`row ${String(row)}`} wrap="truncate-end">
          {text === '' ? ' ' : text}
        </Text>
      ))}
    </Box>
  );
}
