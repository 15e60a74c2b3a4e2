/** One group of all series. */
export const ALL = '*';

/**
 * The group of a series: what stands in its key before the last separator, pump-7 of pump-7/pressure by '/'. By '*' all
 * series are one group. Undefined where the key has no separator.
 */
export function groupName(key: string, groupBy: string): string | undefined {
  if (groupBy === ALL) return ALL;
  const at = key.lastIndexOf(groupBy);
  return at < 0 ? undefined : key.slice(0, at);
}
