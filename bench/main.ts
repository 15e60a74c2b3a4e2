// The figures of docs/benchmarks.md.
// usage: npm run bench [-- startup | decode | produce | fused | latency | broker | groups | detection | kafka ...]
//        [--records N] [--rows N] [--rate N] [--seconds N] [--write]
// --write makes docs/benchmarks.md anew, which needs all but kafka in one run. kafka needs a real one, so it runs when it
// is named only, and with --write it renews its own section.
import { cpus, totalmem } from 'node:os';
import { brokerRates } from './broker.ts';
import { decode } from './decode.ts';
import { detection, formatDetection } from './detection.ts';
import { fused } from './fused.ts';
import { groups } from './groups.ts';
import { kafka } from './kafka.ts';
import { latency } from './latency.ts';
import { type BenchResults, writePage } from './page.ts';
import { produce } from './produce.ts';
import { startup } from './startup.ts';

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
  detection: async () => detection(),
  kafka: () => kafka(number('records', 8_000_000), number('rate', 10_000), number('seconds', 60)),
};
type Name = keyof BenchResults;

const machine = `${cpus().length} x ${cpus()[0]?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}`;
console.log(machine);
const names = Object.keys(benches) as Name[];
const chosen = names.filter((name) => args.includes(name));
const results: BenchResults = {};
for (const name of chosen.length > 0 ? chosen : names.filter((each) => each !== 'kafka')) {
  console.log(`\n## ${name}`);
  const result = await benches[name]();
  Object.assign(results, { [name]: result });
  console.log(name === 'detection' ? formatDetection(result as NonNullable<BenchResults['detection']>) : result);
}
if (args.includes('--write')) writePage(machine, new Date().toISOString().slice(0, 10), results);
