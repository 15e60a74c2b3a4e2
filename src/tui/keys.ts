/**
 * Keys out of what a terminal sends in raw mode. Ink's own reader is not used: it takes Backspace for Delete, sets Meta
 * with Escape, and knows no key that comes in two pieces.
 */
export class KeyReader {
  #rest = '';
  readonly #decoder = new TextDecoder();

  /** The names of the keys in a chunk; the beginning of an escape sequence waits for its end. */
  feed(chunk: Uint8Array | string): string[] {
    this.#rest += typeof chunk === 'string' ? chunk : this.#decoder.decode(chunk, { stream: true });
    const keys: string[] = [];
    while (this.#rest !== '') {
      const sequence = SEQUENCE.exec(this.#rest)?.[0];
      if (sequence !== undefined) {
        const name = SEQUENCES[sequence];
        if (name !== undefined) keys.push(name);
        this.#rest = this.#rest.slice(sequence.length);
      } else if (this.#rest.startsWith(ESCAPE) && PARTIAL.test(this.#rest)) {
        break;
      } else {
        const character = String.fromCodePoint(this.#rest.codePointAt(0)!);
        this.#rest = this.#rest.slice(character.length);
        const name = CONTROLS[character] ?? (character < ' ' ? undefined : character);
        if (name !== undefined) keys.push(name);
      }
    }
    return keys;
  }

  /** True while an escape may be a key of its own or the beginning of one. */
  get waits(): boolean {
    return this.#rest !== '';
  }

  /** Nothing followed: the escape was the key. */
  flush(): string[] {
    if (this.#rest === '') return [];
    const rest = this.#rest.slice(1);
    this.#rest = '';
    return ['escape', ...(rest === '' ? [] : this.feed(rest))];
  }
}

const ESCAPE = '\u001b';
/** CSI and SS3 sequences; replies of the terminal (OSC, DCS) are read and have no name. */
const SEQUENCE = /^\u001b(?:\[[0-?]*[ -/]*[@-~]|O[ -~]|[\]PX^_][^\u0007\u001b]*(?:\u0007|\u001b\\))/;
const PARTIAL = /^\u001b(?:$|\[[0-?]*[ -/]*$|O$|[\]PX^_][^\u0007\u001b]*\u001b?$)/;

const CONTROLS: Readonly<Record<string, string>> = {
  '\r': 'enter',
  '\n': 'enter',
  '\t': 'tab',
  ' ': 'space',
  '\u007f': 'backspace',
  '\b': 'backspace',
  '\u0003': 'ctrl+c',
  '\u001a': 'ctrl+z',
  '\u0015': 'ctrl+u',
  '\u001b': 'escape',
};

const SEQUENCES: Readonly<Record<string, string>> = {
  '\u001b[A': 'up',
  '\u001b[B': 'down',
  '\u001b[C': 'right',
  '\u001b[D': 'left',
  '\u001bOA': 'up',
  '\u001bOB': 'down',
  '\u001bOC': 'right',
  '\u001bOD': 'left',
  '\u001b[H': 'home',
  '\u001b[F': 'end',
  '\u001bOH': 'home',
  '\u001bOF': 'end',
  '\u001b[1~': 'home',
  '\u001b[4~': 'end',
  '\u001b[7~': 'home',
  '\u001b[8~': 'end',
  '\u001b[5~': 'pageup',
  '\u001b[6~': 'pagedown',
  '\u001b[3~': 'delete',
  '\u001b[Z': 'shift+tab',
  '\u001bOM': 'enter',
};
