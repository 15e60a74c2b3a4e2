import { createInterface } from 'node:readline/promises';
import { AnomalyError } from '../errors.ts';
import type { CommandContext } from './command.ts';

/**
 * Asks on stderr before what cannot be taken back; --yes answers it. False for anything but y or yes, and when the signal
 * comes. @throws ANM_USAGE where nobody can be asked
 */
export async function confirm(context: CommandContext, question: string): Promise<boolean> {
  const { flags, interactive, stdin, stderr, signal } = context;
  if (flags['yes'] === true) return true;
  if (!interactive) {
    throw new AnomalyError('ANM_USAGE', `${question}: nobody can be asked here`, {
      hint: 'look at it with --dry-run, then give --yes',
    });
  }
  const asking = createInterface({ input: stdin, output: stderr });
  try {
    const answer = await asking.question(`${question}? [y/N] `, { signal });
    return /^y(es)?$/i.test(answer.trim());
  } catch (error) {
    if (signal.aborted) return false;
    throw error;
  } finally {
    asking.close();
  }
}
