/** C0, DEL, C1; marks that turn the direction of what follows; separators that some terminals take for a new line. */
const HARMFUL = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;
/** The codes of styled() in color.ts. */
const OWN_STYLE = /(\u001b\[(?:0|1|2|31|32|33|36)m)/;

/** Data as it may go to a terminal: a control character becomes its picture (U+2400 block), so that it does nothing. */
export function pictured(text: string): string {
  return text.replace(HARMFUL, (character) => {
    const code = character.charCodeAt(0);
    if (code < 0x20) return String.fromCharCode(0x2400 + code);
    return code === 0x7f ? '\u2421' : '\ufffd';
  });
}

/** The same of a text that may have been styled here. */
export function picturedUnlessStyle(text: string): string {
  return text
    .split(OWN_STYLE)
    .map((part, i) => (i % 2 === 1 ? part : pictured(part)))
    .join('');
}
