// Builds dist/ for Node. One file a command rather than hundreds: loading @platformatic/kafka file by file costs 0.4 s
// of CPU at every start, bundled a third of it. Bun and Deno run src/ as it is. Types are checked by `npm run check`.
//
// Everything but what loads from the packages in `dependencies` and `optionalDependencies` is in dist/, so an installed package needs
// nothing else, and Bun and Deno run its dist/ too.
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { build } from 'esbuild';

const root = new URL('..', import.meta.url).pathname;
rmSync(`${root}dist`, { recursive: true, force: true });
const { target } = JSON.parse(readFileSync(`${root}tsconfig.json`, 'utf8')).compilerOptions;

const manifest = JSON.parse(readFileSync(`${root}package.json`, 'utf8'));
/** In dist/ all the same: from node_modules they are hundreds of files, and the first frame waits for each. */
const BUNDLED = new Set(['ink', 'react']);
const listed = Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies });
const installed = listed.filter((name) => !BUNDLED.has(name));
/** Packages in the bundle load these for what nothing here uses. */
const ASKED_FOR_BY_OTHERS = ['protobufjs', 'react-devtools-core', 'bufferutil', 'utf-8-validate', 'supports-color'];

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

const { metafile } = await build({
  absWorkingDir: root,
  // A thread begins in a file of its own.
  entryPoints: {
    cli: 'src/cli.ts',
    worker: 'src/commands/run/workerEntry.ts',
    modelWorker: 'src/models/runtime/modelWorkerEntry.ts',
  },
  outdir: 'dist',
  bundle: true,
  splitting: true,
  // As deep as src/platform, whose packageFile() finds what the package ships, and one below the entries of threads.
  chunkNames: 'chunks/[name]-[hash]',
  format: 'esm',
  platform: 'node',
  target,
  jsx: 'automatic',
  // React's development build is as large again, and slow.
  define: { 'process.env.NODE_ENV': '"production"' },
  // Native or WebAssembly files are found beside their package.
  external: [...installed, ...ASKED_FOR_BY_OTHERS],
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module';\nconst require = __createRequire(import.meta.url);",
  },
  plugins: [unusedMayGo],
  logLevel: 'warning',
  metafile: true,
});
writeFileSync(`${root}dist/THIRD-PARTY-LICENSES.txt`, licenses(Object.keys(metafile.inputs)));

/** What the licences of bundled packages ask for: their text beside the code. */
function licenses(inputs) {
  const packages = new Set(inputs.flatMap((path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path) ?? []));
  const sections = [...packages].sort().map((folder) => {
    const { name, version, license } = JSON.parse(readFileSync(`${root}${folder}/package.json`, 'utf8'));
    const file = readdirSync(`${root}${folder}`).find((each) => /^licen[cs]e/i.test(each));
    const text = file === undefined ? '' : readFileSync(`${root}${folder}/${file}`, 'utf8').trim();
    return `${name} ${version} (${license})\n\n${text}`;
  });
  return `${sections.join(`\n\n${'-'.repeat(80)}\n\n`)}\n`;
}
