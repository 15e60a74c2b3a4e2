import { resolve } from 'node:path';
import { AnomalyError } from '../../errors.ts';
import { formatBytes } from '../../output/format.ts';
import { openTextFile, TextOutput } from '../../output/textOutput.ts';
import { csvLines, SERIES_CSV_HEADER, seriesRows } from '../../runtime/series/seriesRows.ts';
import type { CatalogEntry } from '../../stores/checkpoints/catalog.ts';
import { dataFile, folderOf } from '../../stores/checkpoints/layout.ts';
import type { Manifest } from '../../stores/checkpoints/manifest.ts';
import { readOperator } from '../../stores/checkpoints/objectCheckpointStore.ts';
import { sha256 } from '../../stores/checkpoints/sha256.ts';
import type { ObjectStore } from '../../stores/objectStore.ts';
import { openStore } from '../../stores/openStore.ts';
import { TarFile } from '../../stores/tarFile.ts';
import type { CommandContext } from '../command.ts';
import { storeOptions } from '../options/storeSettings.ts';
import { withModelReads } from '../scoreModel.ts';
import { checkpointOf, withCheckpoints } from './access.ts';
import { restoreSources } from './sources.ts';

/** Where files of an export go, one after the other. */
interface Destination {
  put(name: string, bytes: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

/** `checkpoint export`. */
export async function runCheckpointExport(context: CommandContext): Promise<number> {
  const { args, flags, cwd, output, signal } = context;
  const to = flags['to'] as string | undefined;
  if (to === undefined) {
    throw new AnomalyError('ANM_USAGE', 'cannot export without a destination', {
      hint: 'give --to DIRECTORY, FILE.tar, FILE.ndjson, FILE.csv or -',
    });
  }
  const path = to === '-' ? to : resolve(cwd, to);
  if (path === '-' || /\.(ndjson|csv)$/.test(path)) return await exportSeries(context, path);
  // Who gives another ending expects its format.
  if (/\.(zip|t?gz|tar\.\w+|json|parquet|avro|7z)$/i.test(path)) {
    throw new AnomalyError('ANM_USAGE', `cannot export to ${to} as its ending is of no format that there is`, {
      hint: 'give --to DIRECTORY, FILE.tar, FILE.ndjson, FILE.csv or -',
    });
  }
  return await withCheckpoints(context, async ({ catalog, store }) => {
    const entries = checkpointOf(context, { catalog, store }, args[0]!);
    const destination = await openDestination(context, path);
    const files: { name: string; bytes: number }[] = [];
    try {
      for (const entry of entries) {
        for await (const [name, bytes] of filesOf(store, entry)) {
          signal.throwIfAborted();
          await destination.put(name, bytes);
          files.push({ name, bytes: bytes.length });
        }
      }
    } finally {
      await destination.close();
    }
    const bytes = files.reduce((sum, each) => sum + each.bytes, 0);
    await output.document(
      { to: path, snapshots: entries.length, files, bytes },
      () => `exported ${entries.length} snapshots, ${files.length} files, ${formatBytes(bytes)}, to ${path}`,
    );
    return 0;
  });
}

/** What is readable of each series, one line each. */
async function exportSeries(context: CommandContext, path: string): Promise<number> {
  const { args, settings, stdout, logger, signal } = context;
  const config = await withModelReads(context, settings.pipeline());
  if (config.source.topics.length === 0) {
    throw new AnomalyError(
      'ANM_USAGE',
      'cannot read state without the pipeline of an anomaly.yaml: it says what the state is',
    );
  }
  return await withCheckpoints(context, async ({ catalog, store }) => {
    const isCsv = path.endsWith('.csv');
    const out = path === '-' ? new TextOutput(stdout) : await openTextFile(path);
    if (isCsv) out.write(`${SERIES_CSV_HEADER}\n`);
    let series = 0;
    for (const { load } of await restoreSources(context, store, catalog, args[0]!, config)) {
      for (const row of seriesRows(config, await load())) {
        signal.throwIfAborted();
        out.write(isCsv ? `${csvLines(row).join('\n')}\n` : `${JSON.stringify(row)}\n`);
        series++;
        const room = out.ready();
        if (room !== null) await room;
      }
    }
    await out.close();
    logger.info(`exported ${series} series${path === '-' ? '' : ` to ${path}`}`);
    return 0;
  });
}

/** The files of a snapshot, data before manifest, as a snapshot that builds on no other. */
async function* filesOf(
  store: ObjectStore,
  { reference, manifest }: CatalogEntry,
): AsyncGenerator<[string, Uint8Array]> {
  const folder = folderOf(reference.name);
  const operators: Manifest['operators'][number][] = [];
  for (const [i, entry] of manifest.operators.entries()) {
    const bytes = await readOperator(store, reference.name, entry);
    const file = dataFile(entry.id, i);
    operators.push({ ...entry, parts: [{ file, bytes: bytes.length, sha256: await sha256(bytes) }] });
    yield [`${folder}${file}`, bytes];
  }
  const whole: Manifest = { ...manifest, operators };
  yield [reference.name, new TextEncoder().encode(`${JSON.stringify(whole, null, 2)}\n`)];
}

async function openDestination(context: CommandContext, path: string): Promise<Destination> {
  if (path.endsWith('.tar')) return await TarFile.create(path, context.now());
  const store = await openStore(path, storeOptions(context));
  return { put: (name, bytes) => store.put(name, [bytes]), close: () => store.close() };
}
