// The figures of docs/benchmarks.md. usage: npm run bench [-- decode | fused | latency | help] [--records N] [--seconds N]
import { cpus, totalmem } from 'node:os';
import { decode } from './decode.ts';
import { fused } from './fused.ts';
import { latency } from './latency.ts';
import { startup } from './startup.ts';

const args = process.argv.slice(2);
const number = (name: string, otherwise: number) => {
  const at = args.indexOf(`--${name}`);
  return at < 0 ? otherwise : Number(args[at + 1]);
};
const benches: Record<string, () => Promise<unknown>> = {
  startup: () => startup(),
  decode: () => decode(number('records', 1_000_000)),
  fused: () => fused(number('records', 8_000_000)),
  latency: () => latency(number('rate', 10_000), number('seconds', 60)),
};

console.log(
  `${cpus().length} x ${cpus()[0]?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}`,
);
const chosen = args.filter((arg) => arg in benches);
for (const name of chosen.length > 0 ? chosen : Object.keys(benches)) {
  console.log(`\n## ${name}`);
  console.log(await benches[name]!());
}
