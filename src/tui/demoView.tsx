/** @jsxRuntime automatic @jsxImportSource react */
import { Box, render, Text } from 'ink';
import type { DemoSnapshot } from '../observe/demoSnapshot.ts';
import { demoLines } from './demoLines.ts';
import { holdWrites, readKeys, withoutRowLimit } from './screen.ts';

export interface DemoViewOptions {
  readonly stdout: NodeJS.WriteStream;
  /** Held back while the view is up. */
  readonly stderr: NodeJS.WriteStream;
  readonly stdin: NodeJS.ReadStream;
  readonly snapshot: () => DemoSnapshot;
  /** ^C, which raw mode makes a key like any other. */
  readonly onInterrupt: () => void;
}

/** Enough to see movement, few enough not to flicker. */
const FRAME_INTERVAL_MS = 250;

/**
 * Shows the running demo in place until `stop`; the last frame stays on the screen. The terminal is restored on every
 * way out, that of process.exit included. Colours are chalk's: FORCE_COLOR has to be set before this file is imported.
 */
export function showDemo(options: DemoViewOptions): { stop(): Promise<void> } {
  const { stdout, stderr, stdin } = options;
  const releaseStderr = holdWrites(stderr);
  const releaseKeys = readKeys(stdin, options.onInterrupt);
  const frame = () => <DemoView snapshot={options.snapshot()} columns={stdout.columns} rows={stdout.rows} />;
  const app = render(frame(), {
    stdout: withoutRowLimit(stdout),
    stderr,
    stdin,
    exitOnCtrlC: false,
    patchConsole: false,
  });
  const timer = setInterval(() => app.rerender(frame()), FRAME_INTERVAL_MS);
  const restore = (): void => {
    clearInterval(timer);
    process.off('exit', restore);
    app.unmount();
    stdout.write('\n');
    releaseKeys();
    releaseStderr();
  };
  process.once('exit', restore);
  return {
    stop: async () => {
      app.rerender(frame());
      const gone = app.waitUntilExit();
      restore();
      await gone;
    },
  };
}

export function DemoView(props: { snapshot: DemoSnapshot; columns?: number; rows?: number }) {
  // One column stays free: a terminal that is full to the last one may wrap.
  const lines = demoLines(props.snapshot, (props.columns ?? 80) - 1, props.rows ?? 24);
  return (
    <Box flexDirection="column">
      {lines.map((line) => (
        <Text
          key={line.key}
          wrap="truncate-end"
          bold={line.bold === true}
          {...(line.color !== undefined && { color: line.color })}
        >
          {line.text}
        </Text>
      ))}
    </Box>
  );
}
