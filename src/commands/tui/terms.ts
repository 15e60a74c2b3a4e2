import { AnomalyError } from '../../errors.ts';
import type { CommandContext } from '../command.ts';

/** Why there can be no screen here, in words that go on after "as"; null where there can be one. */
export async function noScreenReason({ flags, env, stdin, stdout, output }: CommandContext): Promise<string | null> {
  if (output.format !== 'text' && output.format !== 'wide') return `the output is ${output.format}`;
  if (isSet(env['ANOMALY_ACCESSIBLE'])) return 'ANOMALY_ACCESSIBLE is set';
  // What runs in a CI is read later, in a log.
  if (isSet(env['CI'])) return 'CI is set';
  const { tuiMode } = await import('../../tui/mode.ts');
  return tuiMode({ stdin, stdout, env, accessible: flags['accessible'] === true }).reason;
}

/** By the locale, as terminals have it; where none is set, they take UTF-8. */
export function hasUnicode({ env }: Pick<CommandContext, 'env'>): boolean {
  const locale = [env['LC_ALL'], env['LC_CTYPE'], env['LANG']].find((each) => each !== undefined && each !== '');
  return locale === undefined || /utf-?8/i.test(locale);
}

/** @throws ANM_USAGE for a time that is none to wait */
export function intervalMs(flags: CommandContext['flags'], byDefaultMs: number): number {
  const given = flags['interval'] as number | undefined;
  if (given === undefined) return byDefaultMs;
  if (given >= LEAST_INTERVAL_MS && Number.isFinite(given)) return given;
  throw new AnomalyError('ANM_USAGE', `--interval wants at least ${LEAST_INTERVAL_MS}ms, got ${given} ms`);
}

/** Four looks a second cost a pipeline nothing that counts, and nobody reads faster. */
const LEAST_INTERVAL_MS = 250;

function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== '' && value !== 'false' && value !== '0';
}
