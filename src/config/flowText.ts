import { formatDuration } from './duration.ts';

/** An item of windows or features with the keys and units of anomaly.yaml: `{sizeMs: 300000}` is `{size: 5m}` again. */
export function userItem(item: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const entries = Object.entries(item).flatMap(([name, value]): [string, unknown][] => {
    if (!name.endsWith('Ms')) return [[snake(name), value]];
    // Sessions and counts have no length.
    if (name === 'sizeMs' && value === 0) return [];
    return [[snake(name.slice(0, -2)), formatDuration(value as number)]];
  });
  return Object.fromEntries(entries);
}

/** Plain data in YAML's flow form, on one line. */
export function flowText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(flowText).join(', ')}]`;
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).map(([name, each]) => `${flowText(name)}: ${flowText(each)}`);
    return `{${entries.join(', ')}}`;
  }
  if (typeof value !== 'string') return String(value);
  const isPlain = /^\w[\w.+*/<>=() -]*$/.test(value) && value.trim() === value && !OTHER_TYPE.test(value);
  return isPlain && Number.isNaN(Number(value)) ? value : JSON.stringify(value);
}

/** What YAML, of one version or another, reads as no text. */
const OTHER_TYPE = /^(null|true|false|yes|no|on|off|y|n)$/i;

function snake(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
