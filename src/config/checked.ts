/** What is wrong with a value. `path` leads from the key's own node to the wrong part of it. */
export interface ValueIssue {
  readonly path: readonly (string | number)[];
  readonly message: string;
  /** A later version will know it: ANM_UNSUPPORTED rather than ANM_CONFIG. */
  readonly later?: boolean;
}

export interface Checked {
  readonly value?: unknown;
  readonly issues: readonly ValueIssue[];
}

export function good(value: unknown): Checked {
  return { value, issues: [] };
}

export function wrong(message: string, path: readonly (string | number)[] = []): Checked {
  return { issues: [{ path, message }] };
}

export function show(node: unknown): string {
  const text = JSON.stringify(node) ?? String(node);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
