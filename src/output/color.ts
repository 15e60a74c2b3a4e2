type Environment = Readonly<Record<string, string | undefined>>;

export type ColorChoice = 'always' | 'never' | 'auto';

/**
 * Whether a stream gets colours: --color, then NO_COLOR, then FORCE_COLOR and CLICOLOR_FORCE, then TERM=dumb, then
 * whether it is a terminal. no-color.org: any non-empty value of NO_COLOR counts; force-color.org: likewise.
 */
export function wantsColor(choice: ColorChoice, env: Environment, isTerminal: boolean): boolean {
  if (choice !== 'auto') return choice === 'always';
  if (isSet(env['NO_COLOR'])) return false;
  if (isSet(env['FORCE_COLOR'])) return env['FORCE_COLOR'] !== '0';
  if (isSet(env['CLICOLOR_FORCE'])) return env['CLICOLOR_FORCE'] !== '0';
  return env['TERM'] !== 'dumb' && isTerminal;
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== '';
}

const CODES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } as const;

export type Style = keyof typeof CODES;

/** The text in a style, or as it is when colours are off. */
export function styled(on: boolean, style: Style, text: string): string {
  return on ? `\u001b[${CODES[style]}m${text}\u001b[0m` : text;
}
