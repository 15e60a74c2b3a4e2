import { globMatcher } from '../../engine/expressions/glob.ts';
import { AnomalyError } from '../../errors.ts';
import type { Chosen } from '../../runtime/lag/readCluster.ts';
import type { CommandContext } from '../command.ts';

const isPattern = (text: string) => /[*?]/.test(text);

/** The groups and topics of the command line. @throws ANM_USAGE for an expression that is none */
export function chosenGroups({ args, flags }: CommandContext): Required<Chosen> {
  const isTopic = anyOf((flags['topic'] as string[] | undefined) ?? [], globMatcher);
  if (args.length === 0) return { isGroup: () => true, named: [], isTopic };
  if (flags['regex'] === true) return { isGroup: anyOf(args, regexMatcher), named: [], isTopic };
  const patterns = args.filter(isPattern);
  return {
    isGroup: patterns.length === 0 ? () => false : anyOf(patterns, globMatcher),
    named: [...new Set(args.filter((name) => !isPattern(name)))],
    isTopic,
  };
}

/** A name that has no pattern in it matches itself. */
function anyOf(
  texts: readonly string[],
  matcher: (text: string) => (name: string) => boolean,
): (name: string) => boolean {
  if (texts.length === 0) return () => true;
  const matchers = texts.map(matcher);
  return (name) => matchers.some((matches) => matches(name));
}

function regexMatcher(text: string): (name: string) => boolean {
  try {
    const expression = new RegExp(`^(?:${text})$`);
    return (name) => expression.test(name);
  } catch (cause) {
    throw new AnomalyError('ANM_USAGE', `${text} is no regular expression`, { cause });
  }
}
