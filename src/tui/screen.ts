/** What the live views need of a terminal besides Ink. Each function returns what undoes it. */

/** Characters that are held back for a view: one that is open for days must not fill the memory. */
const HELD_MOST = 1_000_000;

/**
 * Keeps what is written to a stream until the view is gone: a line between two frames would spoil the screen. `release`
 * writes it all, in order; of more than a million characters the last ones, and how many writes are left out.
 */
export function holdWrites(stream: NodeJS.WriteStream): () => void {
  const held: string[] = [];
  let [size, dropped] = [0, 0];
  const original = stream.write;
  const hold = (chunk: string | Uint8Array, encoding?: unknown, done?: unknown): boolean => {
    const text = typeof chunk === 'string' ? chunk : new TextDecoder().decode(chunk);
    held.push(text);
    size += text.length;
    while (size > HELD_MOST && held.length > 1) {
      size -= held.shift()!.length;
      dropped++;
    }
    const callback = typeof encoding === 'function' ? encoding : done;
    if (typeof callback === 'function') queueMicrotask(() => callback(null));
    return true;
  };
  stream.write = hold as typeof stream.write;
  return () => {
    stream.write = original;
    if (dropped > 0) stream.write(`${dropped} earlier lines are left out\n`);
    for (const text of held.splice(0)) stream.write(text);
  };
}

const CONTROL_C = '\u0003';

/** Takes keys without echo, as they would be written into the frame; ^C calls `onInterrupt` since no signal comes. */
export function readKeys(stdin: NodeJS.ReadStream, onInterrupt: () => void): () => void {
  if (stdin.isTTY !== true) return () => {};
  const onData = (data: Buffer | string): void => {
    if (String(data).includes(CONTROL_C)) onInterrupt();
  };
  stdin.setRawMode(true);
  stdin.on('data', onData);
  stdin.resume();
  return () => {
    stdin.off('data', onData);
    stdin.setRawMode(false);
    stdin.pause();
  };
}

/**
 * The stream as Ink may see it. Ink 6.8 clears the terminal, scrollback and all, when a frame is as high as the
 * screen, also for a moment after the window shrank; our frames are cut to the screen, so it is told of no limit.
 */
export function withoutRowLimit(stdout: NodeJS.WriteStream): NodeJS.WriteStream {
  return new Proxy(stdout, {
    get(target, name) {
      if (name === 'rows') return Number.MAX_SAFE_INTEGER;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
