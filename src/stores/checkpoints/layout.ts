import { namePart } from '../objectNames.ts';
import { MANIFEST } from './manifest.ts';

/** <group>/ */
export function groupFolder(group: string): string {
  return `${namePart(group)}/`;
}

/** Whose an object is, by its name. */
export function groupOf(name: string): string {
  return decodeURIComponent(name.split('/')[0]!);
}

/** <group>/<cluster>/: the same place as the files of format 1. */
export function clusterFolder(group: string, cluster: string): string {
  return `${groupFolder(group)}${namePart(cluster === '' ? 'unknown' : cluster)}/`;
}

/** <group>/<cluster>/<topic>-<partition>/ */
export function partitionFolder(clusterFolder: string, topic: string, partition: number): string {
  return `${clusterFolder}${namePart(topic)}-${partition}/`;
}

/** <20 digits of the offset>-<checkpoint>: names sort by offset. */
export function snapshotFolder(offset: number, checkpoint: string): string {
  return `${String(offset).padStart(20, '0')}-${namePart(checkpoint)}`;
}

/** The part of a manifest's name before `manifest.json`, with its slash. */
export function folderOf(manifestName: string): string {
  return manifestName.slice(0, manifestName.length - MANIFEST.length);
}

/** The folder of the partition, of the name of a snapshot's folder or of a file in it. */
export function partitionOf(name: string): string {
  return name.split('/').slice(0, 3).join('/').concat('/');
}

export function isManifest(name: string): boolean {
  return name.endsWith(`/${MANIFEST}`);
}

/** window/w5m -> window-w5m.bin; the place keeps names apart that the letters alone would not. */
export function dataFile(id: string, index: number): string {
  return `${String(index).padStart(2, '0')}-${id.replace(/[^A-Za-z0-9_.-]+/g, '-').slice(0, 80)}.bin`;
}
