// Builds dist/ for Node. One file a command rather than hundreds: loading @platformatic/kafka file by file costs 0.4 s
// of CPU at every start, bundled a third of it. Bun and Deno run src/ as it is. Types are checked by `npm run check`.
import { readFileSync, rmSync } from 'node:fs';
import { build } from 'esbuild';

const root = new URL('..', import.meta.url).pathname;
rmSync(`${root}dist`, { recursive: true, force: true });
const { target } = JSON.parse(readFileSync(`${root}tsconfig.json`, 'utf8')).compilerOptions;

/** The library's modules only define things, though its manifest does not say so: unused ones may be left out. */
const unusedMayGo = {
  name: 'unused-may-go',
  setup(builder) {
    builder.onResolve({ filter: /^@platformatic\/kafka$|^\.\.?\// }, async (args) => {
      const ours = args.path === '@platformatic/kafka';
      if (args.pluginData === unusedMayGo || !(ours || args.importer.includes('@platformatic/kafka/dist')))
        return undefined;
      const { path, kind, resolveDir, importer } = args;
      const found = await builder.resolve(path, { kind, resolveDir, importer, pluginData: unusedMayGo });
      return { ...found, sideEffects: false };
    });
  },
};

await build({
  absWorkingDir: root,
  entryPoints: ['src/cli.ts'],
  outdir: 'dist',
  bundle: true,
  splitting: true,
  // As deep as the folders of src/, so that what a module finds beside itself stays where it is.
  chunkNames: 'chunks/[name]-[hash]',
  format: 'esm',
  platform: 'node',
  target,
  jsx: 'automatic',
  // Native or WebAssembly files are found beside their package.
  external: [
    '@confluentinc/kafka-javascript',
    '@node-rs/crc32',
    '@platformatic/wasm-utils',
    '@bokuweb/zstd-wasm',
    'protobufjs',
    'react-devtools-core',
  ],
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module';\nconst require = __createRequire(import.meta.url);",
  },
  plugins: [unusedMayGo],
  logLevel: 'warning',
});
