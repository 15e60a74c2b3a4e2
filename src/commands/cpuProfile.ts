import { readFileSync, writeFileSync } from 'node:fs';
import { isAbsolute, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AnomalyError } from '../errors.ts';
import { type CpuProfile, type CpuShares, cpuShares } from '../observe/cpuShares.ts';
import { startCpuProfiler } from '../platform/cpuProfiler.ts';

/**
 * Runs something and writes where the time of this thread went, also where it fails.
 *
 * @param file undefined: no profile
 * @throws ANM_UNSUPPORTED before anything runs where the runtime cannot do it; ANM_USAGE where FILE cannot be written
 */
export async function profiled<T extends object>(
  file: string | undefined,
  run: () => Promise<T>,
): Promise<T & { readonly cpu?: CpuShares }> {
  if (file === undefined) return await run();
  // A path that cannot be written is known before hours of profiling.
  write(file, '');
  const profiler = await startCpuProfiler();
  let result: T;
  try {
    result = await run();
  } catch (error) {
    write(file, JSON.stringify(await profiler.stop()));
    throw error;
  }
  const profile = (await profiler.stop()) as CpuProfile;
  write(file, JSON.stringify(profile));
  return { ...result, cpu: cpuShares(profile, new SourcePlaces().sourceOf) };
}

/** The file of a worker: x.cpuprofile is x.0.cpuprofile for the first. */
export function workerProfile(file: string, number: number): string {
  return /\.cpuprofile$/.test(file) ? file.replace(/\.cpuprofile$/, `.${number}.cpuprofile`) : `${file}.${number}`;
}

/** --cpu-profile as an absolute path. */
export function profilePath(flags: Readonly<Record<string, unknown>>, cwd: string): string | undefined {
  const given = flags['cpuProfile'] as string | undefined;
  return given === undefined ? undefined : resolve(cwd, given);
}

function write(file: string, text: string): void {
  try {
    writeFileSync(file, text);
  } catch (cause) {
    throw new AnomalyError('ANM_USAGE', `cannot write the CPU profile to ${file}: ${(cause as Error).message}`, {
      cause,
    });
  }
}

/** Which file of src/ a function is of: by its URL, or by the comment that a bundle has before each module. */
class SourcePlaces {
  readonly #bundles = new Map<string, readonly { readonly line: number; readonly source: string }[]>();

  readonly sourceOf = (url: string, lineNumber: number): string | undefined => {
    // Not every runtime gives URLs.
    const path = url.startsWith('file:') ? fileURLToPath(url.split('?')[0]!) : url;
    if (!isAbsolute(path)) return undefined;
    const direct = /(?:^|[/\\])(src[/\\](?!.*[/\\]src[/\\]).*\.tsx?)$/.exec(path)?.[1];
    if (direct !== undefined) return direct.replaceAll('\\', '/');
    let source: string | undefined;
    for (const module of this.#modules(path)) {
      if (module.line > lineNumber) break;
      source = module.source;
    }
    return source?.startsWith('src/') ? source : undefined;
  };

  #modules(path: string): readonly { readonly line: number; readonly source: string }[] {
    let modules = this.#bundles.get(path);
    if (modules === undefined) {
      modules = modulesOf(path);
      this.#bundles.set(path, modules);
    }
    return modules;
  }
}

function modulesOf(path: string): { line: number; source: string }[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return [];
  }
  return text.split('\n').flatMap((each, line) => {
    const source = /^\/\/ ((?:src|node_modules)\/\S+)$/.exec(each)?.[1];
    return source === undefined ? [] : [{ line, source }];
  });
}
