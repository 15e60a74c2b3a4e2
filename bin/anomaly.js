#!/usr/bin/env node
// The only file that exits. Node runs the built output; Bun and Deno run the TypeScript sources as they are where there
// are any: the installed package has none, and its built output runs on all three.
import { existsSync } from 'node:fs';

const source = ('Bun' in globalThis || 'Deno' in globalThis) && existsSync(new URL('../src/cli.ts', import.meta.url));
try {
  const { main } = await import(source ? '../src/cli.ts' : '../dist/cli.js');
  process.exitCode = await main(process.argv.slice(2), undefined, () => process.kill(process.pid, 'SIGKILL'));
} catch (error) {
  if (error?.code === 'ERR_MODULE_NOT_FOUND' && /dist\/cli\.js/.test(error.message)) {
    process.stderr.write(
      'error[ANM_NOT_BUILT]: dist/ is missing, so there is nothing for Node to run\n  try: npm run build\n',
    );
    process.exitCode = 2;
  } else {
    throw error;
  }
}
if (process.exitCode !== undefined) process.exit();
