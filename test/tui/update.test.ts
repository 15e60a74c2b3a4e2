import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PanelId } from '../../src/observe/watch/panelIds.ts';
import type { AnomalyView, LagView, TuiSnapshot } from '../../src/observe/watch/snapshot.ts';
import { chosenRow } from '../../src/tui/acts.ts';
import { updateByKey } from '../../src/tui/update.ts';
import { settled } from '../../src/tui/view.ts';
import { NOON, plantSnapshot } from './helpers/snapshots.ts';
import { pressed, terms } from './helpers/views.ts';

const PLANT = plantSnapshot();
const AT = terms(120, 32);

function chosenAnomaly(snapshot: TuiSnapshot, keys: readonly string[]): string {
  return (chosenRow(snapshot, pressed(snapshot, 'anomalies', keys, AT).view, AT) as AnomalyView).id;
}

function word(text: string): string[] {
  return [...text];
}

test('rows move as in vi: j down, k up, g first, G last, d and u half a page', () => {
  assert.equal(chosenAnomaly(PLANT, ['j', 'j', 'k']), 'a001');
  assert.equal(chosenAnomaly(PLANT, ['G']), 'a029');
  assert.equal(chosenAnomaly(PLANT, ['G', 'down', 'g', 'up']), 'a000');
  assert.equal(chosenAnomaly(PLANT, ['d']), 'a011');
  assert.equal(chosenAnomaly(PLANT, ['d', 'pagedown', 'u']), 'a011');
  assert.equal(chosenAnomaly(PLANT, ['end', 'home', 'j']), 'a001');
});

test('the chosen row stays chosen while others come before it', () => {
  const { view } = pressed(PLANT, 'anomalies', ['j', 'j'], AT);
  const newer = plantSnapshot({ anomalies: [{ ...PLANT.anomalies[0]!, id: 'newer' }, ...PLANT.anomalies] });
  assert.equal((chosenRow(newer, view, AT) as AnomalyView).id, 'a002');
  const without = plantSnapshot({ anomalies: PLANT.anomalies.filter(({ id }) => id !== 'a002') });
  assert.equal((chosenRow(without, view, AT) as AnomalyView).id, 'a000');
});

test('the log is followed until a row is chosen, and again from its end', () => {
  const longer = plantSnapshot({ log: [...PLANT.log, { atMs: NOON, level: 'info', text: 'new' }] });
  const at = (keys: readonly string[]) =>
    (chosenRow(longer, pressed(PLANT, 'log', keys, AT).view, AT) as { text: string }).text;
  assert.equal(at([]), 'new');
  assert.equal(at(['k']), 'raw-sensors/3: 3 records could not be decoded as Avro and went to raw-sensors.dlq');
  assert.equal(at(['k', 'j']), 'new');
});

test('equal lines of the log are rows of their own', () => {
  const line = { atMs: NOON, level: 'info', text: 'again' } as const;
  const twice = plantSnapshot({ log: [line, line, { ...line, text: 'last' }] });
  const { view } = pressed(twice, 'log', ['g', 'j', 'j'], AT);
  assert.equal((chosenRow(twice, view, AT) as { text: string }).text, 'last');
});

test('panels by digit, Tab and l; pipelines by brackets', () => {
  const panel = (keys: readonly string[]): PanelId => pressed(PLANT, 'pipeline', keys, AT).view.panel;
  assert.deepEqual(
    ['1', '2', '5', '9'].map((key) => panel([key])),
    ['pipeline', 'lag', 'anomalies', 'log'],
  );
  assert.equal(panel(['tab']), 'lag');
  assert.equal(panel(['shift+tab']), 'log');
  assert.equal(panel(['l']), 'log');
  const pipeline = (keys: readonly string[]) => pressed(PLANT, 'pipeline', keys, AT).view.pipeline;
  assert.equal(pipeline([']']), 'web-shop');
  assert.equal(pipeline(['[']), 'boiler');
  assert.equal(pipeline([']', ']', ']']), 'pump-room');
});

test('a filter narrows the rows as it is typed; Enter keeps it, Esc brings the old one back, n goes around', () => {
  const typed = ['/', ...word('valve')];
  assert.equal(chosenAnomaly(PLANT, typed), 'a002');
  assert.equal(pressed(PLANT, 'anomalies', [...typed, 'backspace', 'enter'], AT).view.panels.anomalies.filter, 'valv');
  assert.equal(chosenAnomaly(PLANT, [...typed, 'enter', 'n']), 'a006');
  assert.equal(chosenAnomaly(PLANT, [...typed, 'enter', 'N']), 'a026');
  assert.equal(chosenAnomaly(PLANT, [...typed, 'enter', 'N', 'n']), 'a002');
  const undone = pressed(PLANT, 'anomalies', [...typed, 'enter', '/', 'x', 'escape'], AT).view;
  assert.equal(undone.panels.anomalies.filter, 'valve');
  assert.equal(pressed(PLANT, 'anomalies', [...typed, 'enter', 'escape'], AT).view.panels.anomalies.filter, '');
  // In the line keys are letters: q does not leave.
  assert.deepEqual(pressed(PLANT, 'anomalies', ['/', 'q', '5', '?'], AT).view.panels.anomalies.filter, 'q5?');
});

test('s goes through the columns, S turns the order, unknown values stay last', () => {
  const first = (keys: readonly string[]) => {
    const { view } = pressed(PLANT, 'lag', [...keys, 'g'], AT);
    return (chosenRow(PLANT, view, AT) as LagView).group;
  };
  const last = (keys: readonly string[]) =>
    (chosenRow(PLANT, pressed(PLANT, 'lag', [...keys, 'G'], AT).view, AT) as LagView).group;
  assert.equal(first(['s']), 'audit');
  // group, topic, partition, verdict, lag.
  const byLag = ['s', 's', 's', 's', 's'];
  assert.equal(first(byLag), 'billing');
  assert.equal(last(byLag), 'audit');
  assert.equal(last([...byLag, 'S']), 'audit', 'unknown, also turned around');
  const { columns } = { columns: pressed(PLANT, 'lag', byLag, AT).view.panels.lag.sort };
  assert.equal(columns, 4);
  assert.equal(pressed(PLANT, 'lag', Array<string>(10).fill('s'), AT).view.panels.lag.sort, null);
});

test('frozen shows the snapshot of then; r and p go on and look at once', () => {
  const { view } = pressed(PLANT, 'lag', ['p'], AT);
  assert.equal(view.frozen, PLANT);
  for (const key of ['space', 'r']) {
    const { view: on, effects } = updateByKey(key, PLANT, view, AT);
    assert.equal(on.frozen, null);
    assert.deepEqual(effects, [{ kind: 'refresh' }]);
  }
});

test('the interval has a least and a most', () => {
  const interval = (keys: readonly string[]) => pressed(PLANT, 'lag', keys, AT).view.intervalMs;
  assert.equal(interval(['+']), 250);
  assert.equal(interval(['-', '-']), 1000);
  assert.equal(interval(Array<string>(20).fill('-')), 10_000);
  assert.equal(interval([...Array<string>(20).fill('-'), '+']), 5000);
});

test('q, Esc and Enter close what is open before q leaves; Ctrl+C leaves whatever is open', () => {
  for (const key of ['q', 'escape', 'enter']) {
    const { view, effects } = pressed(PLANT, 'alerts', ['enter', key], AT);
    assert.equal(view.overlay, null, key);
    assert.deepEqual(effects, []);
  }
  assert.deepEqual(pressed(PLANT, 'alerts', ['q'], AT).effects, [{ kind: 'quit' }]);
  for (const open of [['?'], ['/', 'a'], ['x', 'p'], ['enter']])
    assert.deepEqual(pressed(PLANT, 'alerts', [...open, 'ctrl+c'], AT).effects.at(-1), { kind: 'interrupt' });
  assert.deepEqual(pressed(PLANT, 'alerts', ['ctrl+z'], AT).effects, [{ kind: 'suspend' }]);
});

test('a savepoint asks for its name, which is proposed', () => {
  const act = (keys: readonly string[]) => pressed(PLANT, 'pipeline', keys, AT).effects;
  assert.deepEqual(act(['c']), []);
  assert.deepEqual(act(['c', 'escape']), []);
  const proposed = { kind: 'savepoint', pipeline: 'pump-room', name: 'savepoint-20261126-120000' };
  assert.deepEqual(act(['c', 'enter']), [{ kind: 'deed', deed: proposed }]);
  const named = act(['c', 'ctrl+u', ...word('before-upgrade'), 'enter']);
  assert.deepEqual(named, [{ kind: 'deed', deed: { ...proposed, name: 'before-upgrade' } }]);
  assert.deepEqual(act(['c', 'ctrl+u', '.', '/', 'enter']), [], 'a name that is none');
  assert.deepEqual(act(['c', 'ctrl+u', 'enter']), []);
});

test('stopping wants the name of the pipeline, letter for letter', () => {
  const act = (keys: readonly string[]) => pressed(PLANT, 'pipeline', keys, AT).effects;
  assert.deepEqual(act(['x', 'y', 'enter']), []);
  assert.deepEqual(act(['x', 'enter']), []);
  assert.deepEqual(act(['x', ...word('pump-room'), 'enter']), [
    { kind: 'deed', deed: { kind: 'stop', pipeline: 'pump-room', savepoint: 'stop-20261126-120000' } },
  ]);
});

test('pausing, going on and promoting want a y, and anything else is a no', () => {
  const act = (panel: PanelId, keys: readonly string[], snapshot = PLANT) => pressed(snapshot, panel, keys, AT).effects;
  assert.deepEqual(act('pipeline', ['h', 'y']), [{ kind: 'deed', deed: { kind: 'pause', pipeline: 'pump-room' } }]);
  assert.deepEqual(act('pipeline', ['h', 'enter']), []);
  const paused = plantSnapshot({ pipelines: [{ ...PLANT.pipelines[0]!, state: 'paused' }] });
  assert.deepEqual(act('pipeline', ['h', 'y'], paused), [
    { kind: 'deed', deed: { kind: 'resume', pipeline: 'pump-room' } },
  ]);
  assert.deepEqual(act('models', ['j', 'm', 'y']), [
    { kind: 'deed', deed: { kind: 'promote', pipeline: 'pump-room', model: 'models:/pump-lstm/5' } },
  ]);
});

test('an act that cannot be done says why, and asks nothing', () => {
  const said = (panel: PanelId, keys: readonly string[], snapshot = PLANT, at = AT) => {
    const { view, effects } = pressed(snapshot, panel, keys, at);
    assert.deepEqual(effects, []);
    assert.equal(view.overlay, null);
    return view.message?.text;
  };
  assert.equal(said('pipeline', ['c'], PLANT, terms(120, 32, { readOnly: true })), 'savepoint: this view is read-only');
  assert.equal(said('pipeline', [']', ']', 'x']), 'stop: boiler is gone');
  assert.equal(said('models', ['m']), 'promote: pump-lstm is live already');
  assert.equal(said('lag', ['m']), 'promote: choose a model in panel 6');
  const lost = plantSnapshot({ connection: { ...PLANT.connection, state: 'lost' } });
  assert.equal(said('pipeline', ['h'], lost), 'hold: the broker is away');
  assert.equal(said('pipeline', ['c'], plantSnapshot({ pipelines: [] })), 'savepoint: there is no pipeline');
  const { view } = pressed(PLANT, 'pipeline', ['h', 'y'], AT);
  assert.equal(updateByKey('c', PLANT, view, AT).view.message?.text, 'savepoint: pause of pump-room is under way');
});

test('an act is about the pipeline of the chosen row where rows have one', () => {
  const checkpoints = PLANT.checkpoints.map((row) => ({ ...row, pipeline: 'web-shop' }));
  const { effects } = pressed(plantSnapshot({ checkpoints }), 'checkpoints', ['c', 'enter'], AT);
  assert.deepEqual(
    effects.map((each) => each.kind === 'deed' && each.deed.pipeline),
    ['web-shop'],
  );
});

test('a row is copied as JSON, a snapshot dumped; where the terminal cannot copy, that is said', () => {
  const { effects } = pressed(PLANT, 'anomalies', ['j', 'y'], AT);
  assert.equal(effects.length, 1);
  assert.deepEqual(JSON.parse((effects[0] as { text: string }).text), PLANT.anomalies[1]);
  const dumped = pressed(PLANT, 'anomalies', ['o'], AT).effects[0] as { text: string };
  assert.deepEqual(JSON.parse(dumped.text), PLANT);
  const never = pressed(PLANT, 'anomalies', ['y'], terms(120, 32, { noCopy: 'it has no clipboard' }));
  assert.deepEqual(never.effects, []);
  assert.equal(never.view.message?.text, 'copy: it has no clipboard');
});

test('what was said goes away after a while', () => {
  const { view } = pressed(PLANT, 'lag', ['s'], AT);
  assert.equal(settled(view, NOON + 5000), view);
  assert.equal(settled(view, NOON + 7000).message, null);
});
