/** The ids of `--allow`, which is given once for each or with commas between them. */
export function allowedOperators(flag: unknown): string[] {
  const words = (flag as readonly string[] | undefined) ?? [];
  return words.flatMap((word) => word.split(',')).filter((id) => id !== '');
}
