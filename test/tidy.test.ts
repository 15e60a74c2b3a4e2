import assert from 'node:assert/strict';
import { test } from 'node:test';
import { circlesOf } from './helpers/circles.ts';
import { blankComments, importsOf, lineAt, type SourceFile, sourceFiles } from './helpers/sources.ts';

/**
 * Who may import whom, by room of src/. A name alone allows all imports, `types` those that are gone at run time.
 * bin -> cli -> commands -> everything below; nobody below knows the commands.
 */
const LAW: Readonly<Record<string, Readonly<Record<string, 'all' | 'types'>>>> = {
  errors: {},
  engine: { errors: 'all' },
  schemas: { errors: 'all' },
  platform: { errors: 'all' },
  wire: { errors: 'all', engine: 'all' },
  config: { errors: 'all', platform: 'all' },
  output: { errors: 'all', config: 'all', platform: 'all' },
  stores: { errors: 'all', engine: 'all', platform: 'all' },
  observe: { errors: 'all', engine: 'all' },
  generate: { errors: 'all' },
  clients: { errors: 'all', engine: 'all', wire: 'all', schemas: 'all', platform: 'all' },
  inputs: { errors: 'all', engine: 'all', wire: 'all', schemas: 'all', clients: 'types' },
  eval: { errors: 'all', engine: 'all' },
  models: { errors: 'all', engine: 'all', stores: 'all', platform: 'all', clients: 'all' },
  alerts: { errors: 'all', engine: 'all', clients: 'all', observe: 'all', config: 'types', output: 'types' },
  broker: { errors: 'all', engine: 'all', wire: 'all', schemas: 'all', platform: 'all', output: 'types' },
  runtime: {
    errors: 'all',
    engine: 'all',
    wire: 'all',
    schemas: 'all',
    platform: 'all',
    clients: 'all',
    stores: 'all',
    models: 'types',
    alerts: 'all',
    observe: 'all',
    inputs: 'all',
    config: 'types',
    output: 'types',
  },
  tui: { errors: 'all', output: 'all', observe: 'all' },
};
const BELOW_COMMANDS = Object.keys(LAW);

/** Packages that cost start-up time or may be missing: only by import() inside a function that needs them. */
const HEAVY = [
  /^ink/,
  /^react/,
  /^@platformatic\/kafka/,
  /^@confluentinc\//,
  /^@node-rs\//,
  /^@bokuweb\//,
  /^avsc$/,
  /^ajv/,
  /^protobufjs/,
  /^yaml$/,
  /^hyparquet/,
  /^ical\.js$/,
  /^fzstd$/,
  /^onnx/,
  /^lmdb$/,
  /^prom-client$/,
  /^minio$/,
];

const MOST_LINES = 350;
const FILES = sourceFiles('src');
const room = (path: string): string => /^src\/([^/.]+)/.exec(path)![1]!;

function none(problems: readonly string[]): void {
  assert.equal(problems.length, 0, `\n${problems.join('\n')}`);
}

test('imports follow the law of the rooms', () => {
  const problems: string[] = [];
  for (const file of FILES) {
    const from = room(file.path);
    if (from === 'cli') continue;
    for (const { line, target, typeOnly, specifier } of file.imports) {
      if (target === undefined) continue;
      const place = `${file.path}:${line}`;
      const to = target.startsWith('src/') ? room(target) : target;
      if (to === from) continue;
      const allowed = from === 'commands' ? (BELOW_COMMANDS.includes(to) ? 'all' : undefined) : LAW[from]?.[to];
      if (allowed === undefined) problems.push(`${place}: ${from} may not import ${to} (${specifier})`);
      else if (allowed === 'types' && !typeOnly)
        problems.push(`${place}: ${from} may import only types of ${to} (${specifier})`);
    }
  }
  none(problems);
});

test('no files import each other in a circle, types included', () => {
  none(circlesOf(FILES).map(({ paths, ties }) => `a circle of ${paths.length} files:\n  ${ties.join('\n  ')}`));
});

test('the engine is pure: no packages, no node modules, no clock, no randomness, no inexact Math', () => {
  const problems: string[] = [];
  for (const file of FILES.filter(({ path }) => room(path) === 'engine')) {
    for (const { line, specifier, target } of file.imports) {
      if (target === undefined) problems.push(`${file.path}:${line}: the engine imports ${specifier}`);
    }
    const impure =
      /\b(Date\.now|new Date|performance\.|process\.|setTimeout|setInterval|Math\.(?!sqrt|abs|min|max|floor|ceil|trunc|round|sign|imul|clz32|fround|PI\b|SQRT|LN|LOG|E\b)\w+)/g;
    report(file, impure, (word) => `the engine uses ${word}`, problems);
  }
  none(problems);
});

test('what cli.ts loads statically holds no heavy package', () => {
  const problems: string[] = [];
  const byPath = new Map(FILES.map((file) => [file.path, file]));
  const seen = new Set<string>();
  const visit = (path: string, chain: readonly string[]): void => {
    const file = byPath.get(path);
    if (file === undefined || seen.has(path)) return;
    seen.add(path);
    for (const { dynamic, typeOnly, specifier, target, line } of file.imports) {
      if (dynamic || typeOnly) continue;
      if (target !== undefined) visit(target, [...chain, path]);
      else if (HEAVY.some((heavy) => heavy.test(specifier))) {
        problems.push(
          `${path}:${line}: ${specifier} is loaded with the command line, by ${[...chain, path].join(' -> ')}`,
        );
      }
    }
  };
  visit('src/cli.ts', []);
  none(problems);
  for (const part of ['clients', 'broker', 'runtime', 'wire', 'tui', 'inputs']) {
    const loaded = [...seen].filter((path) => room(path) === part);
    none(loaded.map((path) => `${path} is loaded by every command, help included`));
  }
});

test('native addons, Ink and Kafka clients are loaded by import() only, each in its own room', () => {
  const owners: readonly [RegExp, RegExp][] = [
    [/^(ink|react)/, /^src\/tui\//],
    [/^(@platformatic\/kafka|@confluentinc\/)/, /^src\/clients\/platformatic\/library\.ts$/],
    [/^@node-rs\//, /^$/],
    [/^lmdb$/, /^$/],
  ];
  const problems: string[] = [];
  for (const file of FILES) {
    for (const { dynamic, typeOnly, specifier, line } of file.imports) {
      for (const [name, owner] of owners) {
        if (!dynamic && !typeOnly && name.test(specifier) && !owner.test(file.path)) {
          problems.push(`${file.path}:${line}: ${specifier} has to be loaded by import()`);
        }
      }
    }
  }
  none(problems);
});

test('only src/platform names Bun or Deno, only bin exits, nothing prints to the console', () => {
  const problems: string[] = [];
  for (const file of FILES) {
    if (room(file.path) !== 'platform')
      report(file, /\b(Bun|Deno)\s*\??\.|['"](Bun|Deno)['"]\s*(in\b|\])/g, (word) => `names ${word}`, problems);
    report(file, /\bconsole\.\w+/g, (word) => `prints by ${word}`, problems);
    // To stop the group as ^Z does is no end.
    report(
      file,
      /\bprocess\.(exit\(|exitCode\s*=|abort|kill(?!\(0, 'SIGTSTP'\)))/g,
      (word) => `ends the process by ${word}`,
      problems,
    );
  }
  none(problems);
});

test('no unfinished business', () => {
  const problems: string[] = [];
  const words =
    /\b(TODO|FIXME|XXX|HACK)\b|@ts-(ignore|nocheck|expect-error)|\bfor now\b|\bplaceholder\b|\bnot implemented\b/gi;
  for (const file of [...FILES, ...sourceFiles('scripts'), ...sourceFiles('bench')]) {
    for (const match of file.text.matchAll(words))
      problems.push(`${file.path}:${lineAt(file.text, match.index)}: ${match[0]}`);
  }
  none(problems);
});

test(`files have at most ${MOST_LINES} lines`, () => {
  none(
    FILES.map(({ path, text }) => [path, text.trimEnd().split('\n').length] as const)
      .filter(([, lines]) => lines > MOST_LINES)
      .map(([path, lines]) => `${path}:${MOST_LINES}: the file has ${lines} lines`),
  );
});

test('the reader of imports sees each kind', () => {
  const text = [
    "import type { A } from './a.ts';",
    "import { type B, c } from '../wire/b.ts';",
    "import { type D } from './d.ts';",
    "import 'e';",
    "export { f } from './f.ts';",
    "// import { g } from './g.ts';",
    "const h = await import('./h.ts');",
    "type I = typeof import('i');",
    'import {',
    '  long,',
    "} from './long.ts';",
  ].join('\n');
  const seen = importsOf('src/engine/x.ts', text).map(({ line, specifier, target, typeOnly, dynamic }) =>
    [line, specifier, target, typeOnly ? 'type' : 'value', dynamic ? 'dynamic' : 'static'].join(' '),
  );
  assert.deepEqual(seen, [
    '1 ./a.ts src/engine/a.ts type static',
    '2 ../wire/b.ts src/wire/b.ts value static',
    '3 ./d.ts src/engine/d.ts type static',
    '4 e  value static',
    '5 ./f.ts src/engine/f.ts value static',
    '9 ./long.ts src/engine/long.ts value static',
    '7 ./h.ts src/engine/h.ts value dynamic',
    '8 i  type dynamic',
  ]);
});

test('the finder of circles sees each kind of tie, and what hangs on a circle is none of it', () => {
  const texts = {
    'src/runtime/above.ts': "import { a } from './a.ts';",
    'src/runtime/a.ts': "import type { B } from './b.ts';\nimport { below } from './below.ts';",
    'src/runtime/b.ts': "export { c } from '../clients/c.ts';",
    'src/clients/c.ts': "export const load = () => import('../runtime/a.ts');",
    'src/runtime/below.ts': "import { d as other } from './d.ts';",
    'src/runtime/d.ts': "import { type E, below } from './below.ts';",
    'src/runtime/alone.ts': "import { b } from './b.ts';",
  };
  const files = Object.entries(texts).map(([path, text]) => ({ path, imports: importsOf(path, text) }));
  assert.deepEqual(
    circlesOf(files).map(({ ties }) => ties),
    [
      [
        'src/runtime/below.ts:1: takes d of src/runtime/d.ts',
        'src/runtime/d.ts:1: takes E, below of src/runtime/below.ts',
      ],
      [
        'src/clients/c.ts:1: takes all of src/runtime/a.ts',
        'src/runtime/a.ts:1: takes B of src/runtime/b.ts',
        'src/runtime/b.ts:1: takes c of src/clients/c.ts',
      ],
    ],
  );
});

/** Looks into code, not into comments. */
function report(file: SourceFile, pattern: RegExp, message: (word: string) => string, problems: string[]): void {
  const code = blankComments(file.text);
  for (const match of code.matchAll(pattern))
    problems.push(`${file.path}:${lineAt(code, match.index)}: ${message(match[0])}`);
}
