/** What an expression of PromQL asks for: the metrics it names, with the labels that it matches or groups by. */
export interface Selected {
  readonly metric: string;
  readonly labels: readonly string[];
}

const KEYWORDS = new Set([
  ...[
    'and',
    'or',
    'unless',
    'on',
    'ignoring',
    'group_left',
    'group_right',
    'by',
    'without',
    'bool',
    'offset',
    'inf',
    'nan',
  ],
]);
const TOKEN = /"(?:[^"\\]|\\.)*"|\[[^\]]*\]|\$?[A-Za-z_:][\w:]*|\d[\w.]*|[{}()]|[^\s\w]/g;

/** Selectors of an expression, by reading its tokens: a name that is no keyword and no function is a metric. */
export function selectedBy(expr: string): Selected[] {
  const tokens: readonly string[] = expr.match(TOKEN) ?? [];
  const found: Selected[] = [];
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i]!;
    if (!/^[A-Za-z_:]/.test(token)) continue;
    const next = tokens[i + 1];
    if (['by', 'without', 'on', 'ignoring', 'group_left', 'group_right'].includes(token)) {
      if (next === '(') i = tokens.indexOf(')', i);
      continue;
    }
    if (KEYWORDS.has(token) || next === '(' || next === 'by' || next === 'without') continue;
    const labels: string[] = [];
    if (next === '{') {
      const end = tokens.indexOf('}', i);
      for (let at = i + 2; at < end; at++) {
        if (/^[A-Za-z_]/.test(tokens[at]!) && !/^[A-Za-z_]/.test(tokens[at - 1]!)) labels.push(tokens[at]!);
      }
      i = end;
    }
    found.push({ metric: token, labels });
  }
  return found;
}

/** Labels of all groupings of an expression. */
export function groupedBy(expr: string): string[] {
  return [...expr.matchAll(/\b(?:by|on) \(([^)]*)\)/g)].flatMap(([, names]) =>
    names!.split(',').map((each) => each.trim()),
  );
}
