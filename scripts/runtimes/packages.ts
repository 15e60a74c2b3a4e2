// The npm package as a user gets it: packed, installed into empty folders, run there.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ROOT, type Runtime } from './runtime.ts';

const NATIVE = 'node_modules/@confluentinc/kafka-javascript';
const ADDON = 'build/Release/confluent-kafka-javascript.node';
/** Without the code and what it needs at run time nothing would work; more than this is a mistake in `files`. */
const MOST_BYTES = 2 * 2 ** 20;

export interface Packed {
  readonly path: string;
  readonly bytes: number;
  readonly files: number;
}

/** `npm pack` into the folder; dist/ is built on the way (prepack). */
export function pack(folder: string): Packed {
  const text = command('npm', ['pack', '--json', '--pack-destination', folder], ROOT);
  // What prepack prints comes first.
  const [{ filename, size, files }] = JSON.parse(text.slice(text.search(/^\[/m)));
  if (size > MOST_BYTES) throw new Error(`the package has ${size} bytes, more than ${MOST_BYTES}`);
  const paths = files.map((file: { path: string }) => file.path);
  const strays = paths.filter((path: string) => /^(src|test|bench)\//.test(path));
  if (strays.length > 0) throw new Error(`the package holds ${strays.join(', ')}`);
  return { path: join(folder, filename), bytes: size, files: paths.length };
}

/**
 * Installs the package into an empty folder by the runtime's own package manager; returns the path of its bin file.
 * Deno cannot install a tarball (denoland/deno#34386), so it gets the folder that npm has made. Scripts are not run:
 * the one there is compiles the native client, which has a test of its own.
 */
export function install(packed: Packed, on: Runtime, folder: string): string {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{}\n');
  if (on.id === 'bun') command(on.command, ['add', '--no-save', packed.path], folder);
  else command('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts', packed.path], folder, on);
  const bin = join(folder, 'node_modules/anomaly/bin/anomaly.js');
  if (!existsSync(join(folder, 'node_modules/.bin/anomaly')))
    throw new Error('the package installs no command anomaly');
  if (existsSync(join(folder, 'node_modules/typescript')))
    throw new Error('development packages were installed as well');
  return bin;
}

/**
 * Gives the package installed for Node 24 its native client. The repository's copy has an addon of another Node: where
 * that was compiled here, the addon alone is compiled again against the same librdkafka, which takes a fifth of the
 * time; else its install script is run. `cache` keeps the addon for the next run.
 */
export function addNativeClient(on: Runtime, folder: string, cache: string): void {
  const target = join(folder, NATIVE);
  const addon = join(target, ADDON);
  const kept = join(cache, `${on.version}.node`);
  rmSync(target, { recursive: true, force: true });
  cpSync(join(ROOT, NATIVE), target, { recursive: true });
  if (!existsSync(kept)) {
    rmSync(addon);
    const deps = join(target, 'build/deps');
    const include = join(deps, 'include/librdkafka');
    if (existsSync(include)) compile(on, target, deps, include);
    else command('npm', ['rebuild', '@confluentinc/kafka-javascript'], folder, on);
    mkdirSync(cache, { recursive: true });
    cpSync(addon, kept);
  }
  cpSync(kept, addon);
}

function compile(on: Runtime, target: string, deps: string, include: string): void {
  for (const name of ['Makefile', 'Release']) rmSync(join(target, 'build', name), { recursive: true, force: true });
  const npm = command('npm', ['root', '--global'], ROOT).trim();
  const gyp = join(npm, 'npm/node_modules/node-gyp/bin/node-gyp.js');
  command(on.command, [gyp, 'configure', 'build'], target, on, {
    ...headersOf(on),
    BUILD_LIBRDKAFKA: '0',
    CXXFLAGS: `-I${include}`,
    // Make halves the dollars.
    LDFLAGS: `-L${deps} -Wl,-rpath,'$$ORIGIN/../deps'`,
  });
}

/** The npm package of Node brings the headers. By this variable they come before a nodedir of the user's .npmrc. */
function headersOf(on: Runtime): Record<string, string> {
  const modules = join(dirname(on.command), '../node/node_modules');
  const folder = join(modules, `node-${process.platform}-${process.arch}`);
  return existsSync(join(folder, 'include')) ? { npm_package_config_node_gyp_nodedir: folder } : {};
}

/** With `on`, its folder is first in the path: npm and its scripts are run by that Node. */
function command(
  name: string,
  args: readonly string[],
  cwd: string,
  on?: Runtime,
  extra: Readonly<Record<string, string>> = {},
): string {
  const path = on?.id === 'node24' ? `${dirname(on.command)}:${process.env['PATH']}` : process.env['PATH'];
  const env = { ...process.env, PATH: path, CKJS_LINKING: 'dynamic', ...extra };
  const { status, stdout, stderr, error } = spawnSync(name, args, { cwd, env, encoding: 'utf8', maxBuffer: 2 ** 28 });
  if (status !== 0) {
    const end = stderr.slice(-4000);
    throw new Error(`${name} ${args.join(' ')}: exit ${status} ${error?.message ?? ''}\n${end}`);
  }
  if (/EBADENGINE/.test(stderr)) throw new Error(`${name} ${args.join(' ')} warns of the engine:\n${stderr}`);
  return stdout;
}
