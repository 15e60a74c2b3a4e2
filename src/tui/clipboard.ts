/** xterm takes so many bytes of base64 in one sequence, and others no more. */
const LONGEST = 74_994;

/** Why nothing can be copied through a terminal of this name; null where it may be asked. */
export function noCopyReason(term: string | undefined): string | null {
  if (term !== undefined && /^(linux|vt\d+|dumb|cons25|sun)/.test(term))
    return `a terminal of type ${term} has no clipboard; o writes a file`;
  return null;
}

/** OSC 52, which makes the terminal copy the text, on this side of an SSH connection too; null where it is too long. */
export function copySequence(text: string): string | null {
  const encoded = Buffer.from(text, 'utf8').toString('base64');
  return encoded.length > LONGEST ? null : `\u001b]52;c;${encoded}\u0007`;
}
