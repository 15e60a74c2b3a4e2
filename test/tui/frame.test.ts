import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import stringWidth from 'string-width';
import { PANEL_IDS } from '../../src/observe/watch/panelIds.ts';
import type { TuiSnapshot } from '../../src/observe/watch/snapshot.ts';
import { frame } from '../../src/tui/frame.ts';
import { KEYMAP } from '../../src/tui/keymap.ts';
import { newView } from '../../src/tui/view.ts';
import { matchesSnapshot } from '../helpers/snapshot.ts';
import { emptySnapshot, NOON, plantSnapshot, seriesOf, unknownSnapshot } from './helpers/snapshots.ts';
import { pressed, terms } from './helpers/views.ts';

const PLANT = plantSnapshot();

function text(
  snapshot: TuiSnapshot,
  panel: (typeof PANEL_IDS)[number],
  keys: readonly string[] = [],
  columns = 120,
  rows = 32,
) {
  const at = terms(columns, rows);
  return frame(snapshot, pressed(snapshot, panel, keys, at).view, at).join('\n');
}

for (const [columns, rows, ascii] of [
  [80, 24, false],
  [100, 30, false],
  [250, 80, false],
  [80, 24, true],
] as const) {
  const name = `${columns}x${rows}${ascii ? '-ascii' : ''}`;
  test(`every panel at ${name}`, () => {
    const frames = PANEL_IDS.map((panel) => frame(PLANT, newView(panel), terms(columns, rows, { ascii })));
    matchesSnapshot(
      `tui/${name}.snap.txt`,
      `${frames.map((lines) => lines.map((each) => each.trimEnd()).join('\n')).join(`\n${'='.repeat(columns)}\n`)}\n`,
    );
  });
}

test('a frame fits the screen at any size, whatever is open, and sends nothing but text', () => {
  const snapshots = fc.constantFrom(PLANT, emptySnapshot(), unknownSnapshot());
  const key = fc.constantFrom(
    ...KEYMAP.flatMap(({ keys }) => keys).filter((each) => !each.startsWith('ctrl')),
    'a',
    'p',
    'backspace',
  );
  const sizes = fc.record({
    columns: fc.integer({ min: 1, max: 260 }),
    rows: fc.integer({ min: 1, max: 90 }),
    ascii: fc.boolean(),
  });
  fc.assert(
    fc.property(
      snapshots,
      fc.constantFrom(...PANEL_IDS),
      fc.array(key, { maxLength: 8 }),
      sizes,
      (snapshot, panel, keys, { columns, rows, ascii }) => {
        const at = terms(columns, rows, { ascii });
        const lines = frame(snapshot, pressed(snapshot, panel, keys, at).view, at);
        assert.equal(lines.length, rows);
        for (const line of lines) {
          assert.ok(stringWidth(line) <= columns, `${columns}: ${JSON.stringify(line)}`);
          assert.doesNotMatch(line, /[\u0000-\u001f\u007f-\u009f]/);
          if (ascii) assert.match(line, /^[\x20-\x7e]*$/);
        }
      },
    ),
  );
});

test('colours are those of meaning, and without colour nothing but text is sent', () => {
  const colored = frame(PLANT, newView(), terms(120, 32, { color: true })).join('\n');
  assert.match(colored, /\u001b\[97m\u001b\[41m anomaly prod-eu /, 'production is white on red');
  assert.match(colored, /\u001b\[31mHIGH/);
  assert.match(colored, /\u001b\[33mLOW/);
  assert.doesNotMatch(frame(PLANT, newView(), terms(120, 32)).join('\n'), /\u001b/);
  const staging = frame({ ...PLANT, profile: 'staging' }, newView(), terms(120, 32, { color: true }))[0]!;
  assert.doesNotMatch(staging, /\u001b\[41m/);
});

test('too small a terminal says so, and what it takes', () => {
  assert.equal(text(PLANT, 'lag', [], 59, 24).trimEnd(), 'terminal too small: 59x24\nit takes 60x14');
  assert.equal(text(PLANT, 'lag', [], 40, 10).trimEnd(), 'terminal too small: 40x10\nit takes 60x14');
  assert.match(text(PLANT, 'lag', [], 80, 13), /^terminal too small/);
  assert.doesNotMatch(text(PLANT, 'lag', [], 60, 14), /too small/);
});

test('a broker that went away: since when is said, and the last good data stay, dimmed', () => {
  const lost = plantSnapshot({
    connection: {
      state: 'lost',
      address: 'redpanda-0:9092',
      sinceMs: NOON - 12_000,
      problem: 'redpanda-0:9092 refused the connection',
    },
  });
  const lines = frame(lost, newView('lag'), terms(120, 32, { color: true }));
  assert.match(lines[0]!, /broker lost 12\.0 s ago: shown is what was known then/);
  assert.match(lines.join('\n'), /billing/);
  assert.match(lines.at(-2)!, /refused the connection/);
  for (const line of lines.slice(2, -2)) assert.doesNotMatch(line, /\u001b\[3\dm/, 'only dimmed and chosen parts');
  assert.match(text(lost, 'pipeline'), /\(c savepoint, h hold, x stop: the broker is away\)/);
});

test('a pipeline that died is gone, with the time since; one that comes back says how far it is', () => {
  const gone = text(PLANT, 'pipeline', [']', ']']);
  assert.match(gone, /▸ boiler +gone/);
  assert.match(gone, /boiler-0 +gone +0 partitions +last heard of 48\.0 s ago/);
  assert.match(
    text(PLANT, 'pipeline', [']']),
    /restoring +0 partitions +█{7}░{9} 45\.0 % of 100,000 records read again/,
  );
});

test('what is unknown is a dash with its reason, never a zero', () => {
  const unknown = unknownSnapshot();
  assert.match(text(unknown, 'lag'), /▸ new +raw +0 +- +- +- +- +- /);
  assert.match(text(unknown, 'lag'), /no offset is committed/);
  assert.match(text(unknown, 'windows'), /event time - /);
  assert.match(text(unknown, 'windows'), /it has no watermark yet/);
  assert.match(text(unknown, 'models'), /▸ new +m +- +live +- +- /);
  for (const panel of PANEL_IDS) assert.doesNotMatch(text(unknown, panel), /NaN|undefined|null|Infinity/);
});

test('nothing is known yet, and nothing is there, are two things', () => {
  assert.match(text(emptySnapshot(), 'pipeline'), /nothing is known yet/);
  const connected = emptySnapshot({ connection: { state: 'connected', address: 'b:1', sinceMs: NOON, problem: null } });
  assert.match(text(connected, 'pipeline'), /no pipeline runs here/);
  assert.match(text(connected, 'anomalies'), /nothing unusual yet/);
});

test('who holds event time back is named', () => {
  assert.match(text(PLANT, 'windows'), /held back by raw-sensors\/3 of pump-1, 1m29s behind/);
});

test('an opened anomaly: chart with band, parts, model and offset; without its values, why', () => {
  const { view } = pressed(PLANT, 'anomalies', ['enter']);
  const at = terms(120, 32);
  assert.match(frame(PLANT, view, at).join('\n'), /reading the values around it/);
  assert.equal(view.overlay?.kind, 'chart');
  const anomaly = PLANT.anomalies[0]!;
  const shown = (series: ReturnType<typeof seriesOf>) =>
    frame(PLANT, { ...view, overlay: { kind: 'chart', anomaly, series, top: 0 } }, at).join('\n');
  const drawn = shown(seriesOf(anomaly));
  for (const pattern of [
    /68\.5 ┤┄/,
    /61\.2 ┤/,
    /●/,
    /band 55 to 68\.5/,
    /parts level 9\.1, trend -/,
    /pump-lstm\/4/,
    /offset 1399000/,
  ])
    assert.match(drawn, pattern);
  assert.match(shown({ anomaly, points: [], problem: 'raw-sensors/0 no longer has them' }), /no longer has them/);
});

test('every other row opens as all that is known of it', () => {
  const opened = text(PLANT, 'alerts', ['enter'], 120, 60);
  assert.match(opened, /startedMs {2}\d+ \(2026-11-26T11:56:00\.000Z\)/);
  assert.match(opened, /problem {2}events\.pagerduty\.com answered 503/);
});

test('help lists every key, and says why one is of no use now', () => {
  const help = text(PLANT, 'pipeline', ['?'], 250, 80);
  for (const { text: words } of KEYMAP) assert.ok(help.includes(words), words);
  assert.match(help, /make the challenger the live model; asks first \(not now: choose a model in panel 6\)/);
});

test('the footer has four to six keys of the panel, and each disabled one its reason', () => {
  for (const panel of PANEL_IDS) {
    const footer = text(PLANT, panel, [], 200).split('\n').at(-1)!;
    const enabled = footer.replaceAll(/\([^)]*\)/g, '').match(/\S+ [a-z]+/g) ?? [];
    const disabled = footer.match(/[^(,]+(?=[,:])/g) ?? [];
    assert.ok(enabled.length + disabled.length >= 4 && enabled.length + disabled.length <= 6, footer);
  }
  const at = terms(200, 32, { readOnly: true });
  assert.match(frame(PLANT, newView(), at).at(-1)!, /\(c savepoint, h hold, x stop: this view is read-only\)/);
});
