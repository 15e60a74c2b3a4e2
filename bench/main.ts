// The figures of docs/benchmarks.md.
// usage: npm run bench [-- startup | decode | produce | fused | latency | broker | groups | lag | detection | plant | model |
//        score-stage | model-latency | memory | state | exactly-once | metrics | kafka | criteria ...]
//        [--records N] [--rows N] [--rate N] [--seconds N] [--on-kafka] [--minio] [--write]
// --write makes docs/benchmarks.md anew, which needs all but kafka in one run. kafka needs a real one, so it runs when it
// is named only, and with --write it renews its own section. criteria passes or fails, and runs by itself when it is named:
//        npm run bench -- criteria [--seconds 600] [--rate 10000] [--outage 60] [--cascade | --every-value] [--on-kafka]
import { cpus, totalmem } from 'node:os';
import { brokerRates } from './broker.ts';
import { criteria } from './criteria.ts';
import { decode } from './decode.ts';
import { detection, formatDetection } from './detection.ts';
import { exactlyOnce } from './exactlyOnce.ts';
import { fused } from './fused.ts';
import { groups } from './groups.ts';
import { kafka } from './kafka.ts';
import { lagSweep } from './lagSweep.ts';
import { latency } from './latency.ts';
import { metrics } from './metrics.ts';
import { model } from './model.ts';
import { modelLatency } from './modelLatency.ts';
import { type BenchResults, writePage } from './page.ts';
import { plantBench } from './plant.ts';
import { produce } from './produce.ts';
import { scoreStage } from './scoreStage.ts';
import { seriesMemory } from './seriesMemory.ts';
import { startup } from './startup.ts';
import { state } from './state.ts';
import { tui } from './tui.ts';

const args = process.argv.slice(2);
const number = (name: string, otherwise: number) => {
  const at = args.indexOf(`--${name}`);
  return at < 0 ? otherwise : Number(args[at + 1]);
};
const benches: { [Name in keyof BenchResults]-?: () => Promise<NonNullable<BenchResults[Name]>> } = {
  startup: () => startup(),
  decode: () => decode(number('records', 1_000_000)),
  produce: () => produce(number('rows', 2_000_000)),
  fused: () => fused(number('records', 8_000_000)),
  latency: () => latency(number('rate', 10_000), number('seconds', 60)),
  broker: () => brokerRates(number('records', 4_000_000)),
  groups: () => groups(number('groups', 100), number('members', 10), number('seconds', 30)),
  lag: () => lagSweep(number('lag-groups', 1000), number('lag-topics', 1000)),
  detection: async () => detection(),
  plant: () => plantBench(args.includes('--seed') ? number('seed', 0) : undefined),
  model: () => model(Math.min(2, number('seconds', 60))),
  'score-stage': () => scoreStage(Math.min(2, number('seconds', 60))),
  'model-latency': () => modelLatency(number('rate', 10_000), number('seconds', 60)),
  memory: () => seriesMemory(number('series', 100_000)),
  state: () => state(number('series', 1_000_000), number('cold-series', 5_000_000), args.includes('--minio')),
  'exactly-once': () =>
    exactlyOnce(
      number('records', 16_000_000),
      number('rate', 10_000),
      number('seconds', 60),
      args.includes('--on-kafka'),
    ),
  metrics: () => metrics(number('series', 10_000)),
  tui: () => tui(number('records', 24_000_000), Math.min(15, number('seconds', 15))),
  kafka: () => kafka(number('records', 8_000_000), number('rate', 10_000), number('seconds', 60)),
};
type Name = keyof BenchResults;

const machine = `${cpus().length} x ${cpus()[0]?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}`;
console.log(machine);
const names = Object.keys(benches) as Name[];
const chosen = names.filter((name) => args.includes(name));
const results: BenchResults = {};
if (args.includes('criteria')) {
  const { passed } = await criteria({
    ...{
      seconds: number('seconds', 600),
      eventsPerSecond: number('rate', 10_000),
      outageSeconds: number('outage', 60),
    },
    ...{
      isCascade: args.includes('--cascade') || (cpus().length < 4 && !args.includes('--every-value')),
      isOnKafka: args.includes('--on-kafka'),
    },
  });
  process.exit(passed ? 0 : 1);
}
for (const name of chosen.length > 0 ? chosen : names.filter((each) => each !== 'kafka')) {
  console.log(`\n## ${name}`);
  const result = await benches[name]();
  Object.assign(results, { [name]: result });
  console.log(name === 'detection' ? formatDetection(result as NonNullable<BenchResults['detection']>) : result);
}
if (args.includes('--write')) writePage(machine, new Date().toISOString().slice(0, 10), results);
