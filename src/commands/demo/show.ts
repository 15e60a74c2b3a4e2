import type { CommandContext } from '../command.ts';
import { prepareInk } from '../tui/inkEnvironment.ts';
import { type DemoMeter, meterLine } from './meter.ts';
import type { DemoOptions } from './options.ts';

const LINE_INTERVAL_MS = 4000;

/** Shows a running demo: the live view in a terminal, else a line on stderr every few seconds. `stop` may be repeated. */
export async function showMeter(
  context: CommandContext,
  options: DemoOptions,
  meter: DemoMeter,
): Promise<{ stop(): Promise<void> }> {
  if (!options.view) return showLines(context, meter);
  prepareInk(context.output.color);
  const { showDemo } = await import('../../tui/demoView.tsx');
  const view = showDemo({
    stdout: context.stdout as NodeJS.WriteStream,
    stderr: context.stderr as NodeJS.WriteStream,
    stdin: context.stdin as NodeJS.ReadStream,
    snapshot: () => {
      if (context.signal.aborted && meter.phase === 'running') meter.phase = 'draining';
      return meter.snapshot();
    },
    // The same way as from a shell: the first one drains, the second one ends at once.
    onInterrupt: () => process.emit('SIGINT', 'SIGINT'),
  });
  let stopped: Promise<void> | undefined;
  return { stop: () => (stopped ??= view.stop()) };
}

function showLines({ stderr, quiet }: CommandContext, meter: DemoMeter): { stop(): Promise<void> } {
  if (quiet) return { stop: () => Promise.resolve() };
  const timer = setInterval(() => stderr.write(`${meterLine(meter.snapshot())}\n`), LINE_INTERVAL_MS);
  return {
    stop: () => {
      clearInterval(timer);
      return Promise.resolve();
    },
  };
}
