import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { LabelledSeries } from '../../src/eval/labelledSeries.ts';
import { EVENT_RULES, gradeAlerts, ratesOf } from '../../src/eval/metrics/events.ts';
import { averagePrecision, rankedRows } from '../../src/eval/metrics/rankedRows.ts';
import { bufferOf, vusPr } from '../../src/eval/metrics/vus.ts';

// Labels and scores of the tests of aeon, whose values agree with those of the authors: uniform numbers of numpy's
// default_rng(41) halved, three anomalies, three runs of a score of 1.
const UNIFORM = [
  0.4770755514810023, 0.38396604531779965, 0.06298537339410104, 0.4134940429653724, 0.42453603671559775,
  0.17489141833228672, 0.2557046173577298, 0.3012499542483214, 0.16941795661881415, 0.31090320047230324,
  0.36624233703901904, 0.4305441402057012, 0.16891219658100382, 0.2146446222947076, 0.2970906705851525,
  0.48783896696618134, 0.46393458702413404, 0.02924123813100482, 0.3825109100176655, 0.07877255064955935,
  0.1387711300499161, 0.29182015917311016, 0.38969844575909673, 0.086703026279555, 0.4633425837510294,
  0.17420754064307625, 0.41873275746203853, 0.44850602829341296, 0.1139546349725778, 0.08183607475705462,
  0.43917179929292854, 0.07322747581019262, 0.39479659179256643, 0.4971470938510779, 0.040766625071550155,
  0.2833205012481014, 0.17596196559723798, 0.354587499848711, 0.4399539145769633, 0.16105282240523566,
  0.16392887697695108, 0.1251428629866364, 0.4255129220389057, 0.38243584206193715, 0.4308373321208413,
  0.27858344641935606, 0.4441893395711518, 0.0649629287880717, 0.44116984144607563, 0.18544450637164434,
  0.20716346953466575, 0.4161162487040602, 0.3636019167845267, 0.026344125148622055, 0.12636138757984705,
  0.4610526128820409, 0.05252513528159003, 0.3612808387991592, 0.1450409510877143, 0.19663749846897366,
  0.41603512459836905, 0.4041526671668742, 0.022817982382402735, 0.4450117222829305, 0.01693688472830379,
  0.31142718749655385, 0.27571821213959297, 0.04829151507561669, 0.4880029201605278, 0.3228812645873502,
  0.4761946374390374, 0.3481261977947618, 0.3293013666752393, 0.06702667714469807, 0.20201026938451883,
  0.2901783248816997, 0.03515595903279595, 0.06380307838894389, 0.3265735266662591, 0.2950285618067635,
  0.23404509808441115, 0.4334388689196353, 0.2572742696502259, 0.3560838648110064, 0.0848294838137465,
  0.37716296422095025, 0.48311239668767375, 0.32053837669958374, 0.22591933482985288, 0.3569833859108967,
  0.03432032086242376, 0.4132384757631579, 0.24868590865616508, 0.18111811447778464, 0.258737911427858,
  0.10914227883134037, 0.1150707539003486, 0.3936182504848148, 0.21084744583967258, 0.41228316494640055,
  0.49041830849322826, 0.37303361317246214, 0.09325350551639644, 0.4255627020820658, 0.22912292512655907,
  0.37762790313654054, 0.06935442672858122, 0.12877749230493557, 0.3244485962794045, 0.32180930049305706,
  0.045590238673615, 0.39453345100855136, 0.47774493449417454, 0.21764634272099648, 0.2283251489262228,
  0.29124118911828506, 0.14112438548397688, 0.20669959291213247, 0.37108434415190616, 0.09625496917597337,
  0.17709742923847688, 0.4780489137287333, 0.4924721987241128, 0.07935501539472095, 0.47151969608017336,
  0.05504835954912435, 0.22818359040144148, 0.10931218804166692, 0.08597378358834462, 0.28161375768755764,
  0.14687628489308746, 0.34246292185374316, 0.09831373604772037, 0.36393717240906176, 0.4310051795434783,
  0.2607248962731281, 0.31451395748146305, 0.39042003652605645, 0.4109683821772904, 0.1416354632176084,
  0.3902341766773464, 0.2069799383315441, 0.29496996828150096, 0.4254548663798925, 0.3849836673837656,
  0.1273511506992906, 0.1660386703807346, 0.04581985883813444, 0.13471534089199255, 0.43714975649290305,
  0.39700294953471643, 0.3302962380176864, 0.4387584645966327, 0.41072296427816285, 0.14735470442516396,
  0.07220430697690078, 0.41180772589868914, 0.018265449242154452, 0.15532494807324232, 0.15810175427599188,
  0.12452781270093544, 0.09483282219279648, 0.4015848222507792, 0.28735308798028464, 0.4240797020527313,
  0.19548580567418694, 0.2992785739192086, 0.18854946858122767, 0.2156465373521429, 0.3829554969471801,
  0.3097307966031518, 0.10793125291123157, 0.3342808931020812, 0.4133005604642173, 0.24428140640352886,
  0.4835896655164975, 0.4221297038403592, 0.11517718840598873, 0.37718785633346374, 0.3273452291251086,
  0.3337102828620876, 0.11784332108645124, 0.042854675607549686, 0.09116879543133988, 0.45708413748176985,
  0.27480254509075436, 0.2789882196731719, 0.4893349060443647, 0.25241714113844865, 0.31090004283701705,
  0.11568300874511195, 0.007872133960094119, 0.27211920207082607, 0.22399536187462427, 0.13801829511588454,
  0.030184660528498497, 0.10508467832301116, 0.12390961899166814, 0.21815502897241928, 0.36939000076635065,
];
const authors = () => {
  const labels = new Uint8Array(200);
  const scores = Float64Array.from(UNIFORM);
  for (const [from, to] of [
    [10, 20],
    [28, 33],
    [110, 120],
  ] as const)
    labels.fill(1, from, to);
  for (const [from, to] of [
    [16, 22],
    [33, 38],
    [160, 170],
  ] as const)
    scores.fill(1, from, to);
  return { labels, scores };
};

test('VUS-PR is what the implementation of its authors gives', () => {
  const { labels, scores } = authors();
  const linear = vusPr(scores, labels, 200, rankedRows(scores), 'linear');
  assert.equal(linear.toFixed(10), '0.7493254559');
});

test('VUS-PR equals a plain reading of the definition', () => {
  const rows = fc.integer({ min: 5, max: 60 });
  const arbitrary = rows.chain((count) =>
    fc.record({
      labels: fc.array(fc.constantFrom(0, 0, 0, 1), { minLength: count, maxLength: count }),
      scores: fc.array(fc.integer({ min: 0, max: 9 }), { minLength: count, maxLength: count }),
      buffer: fc.integer({ min: 0, max: 12 }),
    }),
  );
  fc.assert(
    fc.property(arbitrary, ({ labels, scores, buffer }) => {
      const given = vusPr(Float64Array.from(scores), Uint8Array.from(labels), buffer);
      if (!labels.includes(1)) return Number.isNaN(given);
      return Math.abs(given - plainVus(scores, labels, buffer)) < 1e-9;
    }),
    { numRuns: 300 },
  );
});

/** By threshold and buffer anew, row by row. */
function plainVus(scores: readonly number[], labels: readonly number[], most: number): number {
  const rows = scores.length;
  const sorted = [...scores].sort((a, b) => b - a);
  let volume = 0;
  for (let buffer = 0; buffer <= most; buffer++) {
    const soft = labels.map(Number);
    labels.forEach((label, i) => {
      const half = Math.floor(buffer / 2);
      if (label === 0 || buffer <= 1) return;
      if (i + 1 === rows || labels[i + 1] === 0) {
        for (let k = i; k < Math.min(i + half, rows); k++) soft[k]! += Math.sqrt(1 - (k - i) / buffer);
      }
      if (i === 0 || labels[i - 1] === 0) {
        for (let k = Math.max(0, i - half); k < i; k++) soft[k]! += Math.sqrt(1 - (i - k) / buffer);
      }
    });
    const clipped = soft.map((value) => Math.min(1, value));
    const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
    const positives = (sum(labels) + sum(clipped)) / 2;
    const ranges = clipped.flatMap((value, i) => (value > 0 && !(clipped[i - 1]! > 0) ? [i] : []));
    let [area, recallBefore] = [0, 0];
    for (let k = 0; k < 250; k++) {
      const threshold = sorted[Math.trunc((k * (rows - 1)) / 249)]!;
      const hits = clipped.map((value, i) => (scores[i]! >= threshold ? value : 0));
      const touched = ranges.filter((from) => {
        for (let i = from; i < rows && clipped[i]! > 0; i++) if (hits[i]! > 0) return true;
        return false;
      });
      const recall = Math.min(1, sum(hits) / positives) * (touched.length / ranges.length);
      const precision = sum(hits) / scores.filter((score) => score >= threshold).length;
      area += (recall - recallBefore) * precision;
      recallBefore = recall;
    }
    volume += area / (most + 1);
  }
  return volume;
}

test('average precision: perfect is 1, equal scores are one threshold, missing ones come last', () => {
  const labels = Uint8Array.of(0, 0, 1, 1, 0, 0);
  assert.equal(averagePrecision(Float64Array.of(0, 0.1, 1, 0.5, 0, 0), labels), 1);
  // scikit-learn's average_precision_score of the same.
  const shifted = Uint8Array.of(0, 1, 1, 0, 0, 0);
  assert.equal(averagePrecision(Float64Array.of(0, 0.1, 1, 0.5, 0, 0), shifted).toFixed(4), '0.8333');
  assert.equal(averagePrecision(new Float64Array(6), labels), 2 / 6);
  assert.equal(averagePrecision(Float64Array.of(NaN, NaN, 1, NaN, NaN, NaN), labels), 0.5 + 0.5 * (2 / 6));
  assert.ok(Number.isNaN(averagePrecision(new Float64Array(6), new Uint8Array(6))));
});

test('the buffer of VUS-PR is the period where one of at most 300 rows shows', () => {
  const wave = Float64Array.from({ length: 3000 }, (_, i) => Math.sin((2 * Math.PI * i) / 96));
  assert.equal(bufferOf(wave), 96);
  assert.equal(bufferOf(Float64Array.from({ length: 3000 }, (_, i) => i)), 125);
});

/** A row a minute, events as row ranges. */
function seriesOf(rows: number, events: readonly (readonly [number, number])[]): LabelledSeries {
  const times = Float64Array.from({ length: rows }, (_, i) => i * 60_000);
  return {
    name: 'a/b',
    times,
    values: new Float64Array(rows),
    events: events.map(([from, to]) => ({ from, to, startMs: from * 60_000, endMs: to * 60_000 })),
  };
}

test('each event counts once, with the delay of its first alert', () => {
  const grade = gradeAlerts(
    seriesOf(200, [
      [50, 60],
      [100, 101],
    ]),
    [52, 55, 59, 103],
    EVENT_RULES,
  );
  assert.deepEqual(
    grade.events.map(({ found, delayRows, delaySeconds }) => [found, delayRows, delaySeconds]),
    [
      [true, 2, 120],
      [true, 3, 180],
    ],
  );
  assert.equal(grade.falseAlarms, 0);
});

test('three rows around an event are its, the fourth is a false alarm', () => {
  const series = seriesOf(200, [[100, 110]]);
  const outcome = (row: number) => {
    const { events, falseAlarms } = gradeAlerts(series, [row], EVENT_RULES);
    return [events[0]!.found, falseAlarms];
  };
  assert.deepEqual(outcome(96), [false, 1]);
  assert.deepEqual(outcome(97), [true, 0]);
  assert.deepEqual(outcome(112), [true, 0]);
  assert.deepEqual(outcome(113), [false, 1]);
});

test('false alarms within twelve rows of one that counted are the same one', () => {
  const { falseRows } = gradeAlerts(seriesOf(300, []), [50, 55, 62, 63, 70, 100], EVENT_RULES);
  assert.deepEqual(falseRows, [50, 63, 100]);
});

test('nothing counts in the warm-up, and an event that begins there is none', () => {
  const series = seriesOf(200, [
    [25, 40],
    [100, 110],
  ]);
  const grade = gradeAlerts(series, [5, 35, 105], EVENT_RULES);
  assert.deepEqual([grade.alerts, grade.falseAlarms, grade.events.length], [2, 0, 1]);
  assert.equal(grade.days, (199 - 30) / 1440);
});

test('a gap is found by the first row after it', () => {
  const { events } = gradeAlerts(seriesOf(200, [[100, 100]]), [100], EVENT_RULES);
  assert.equal(events[0]!.found, true);
});

test('rates are NaN where there is nothing to be right about', () => {
  assert.deepEqual(ratesOf(0, 0, 3), { precision: NaN, recall: NaN, f1: NaN });
  assert.deepEqual(ratesOf(3, 4, 1), { precision: 0.75, recall: 0.75, f1: 0.75 });
  assert.deepEqual(ratesOf(0, 4, 0), { precision: NaN, recall: 0, f1: 0 });
});
