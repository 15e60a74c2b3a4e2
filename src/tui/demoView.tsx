import { Box, render, Text } from 'ink';
import type { DemoSnapshot } from '../observe/demoSnapshot.ts';
import { demoLines } from './demoLines.ts';

export interface DemoViewOptions {
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  readonly stdin: NodeJS.ReadStream;
  readonly snapshot: () => DemoSnapshot;
  readonly color: boolean;
  readonly onInterrupt: () => void;
}

/** Snapshots a second: enough to see movement, few enough not to flicker. */
const FRAMES_PER_SECOND = 4;

/** Shows the running demo in place until `stop`; the last frame stays on the screen. */
export function showDemo(options: DemoViewOptions): { stop(): Promise<void> } {
  const frame = () => <DemoView snapshot={options.snapshot()} width={options.stdout.columns ?? 80} color={options.color} />;
  const app = render(frame(), {
    stdout: options.stdout,
    stderr: options.stderr,
    stdin: options.stdin,
    exitOnCtrlC: false,
    patchConsole: false,
  });
  const timer = setInterval(() => app.rerender(frame()), 1000 / FRAMES_PER_SECOND);
  return {
    stop: async () => {
      clearInterval(timer);
      app.rerender(frame());
      app.unmount();
      await app.waitUntilExit();
    },
  };
}

export function DemoView(props: { snapshot: DemoSnapshot; width: number; color: boolean }) {
  const lines = demoLines(props.snapshot, Math.min(props.width, 100));
  return (
    <Box flexDirection="column">
      {lines.map((line) => (
        <Text key={line.key} wrap="truncate-end" {...(props.color && line.color !== undefined && { color: line.color })} bold={line.bold === true}>
          {line.text}
        </Text>
      ))}
    </Box>
  );
}
