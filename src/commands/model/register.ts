import type { TrainingRange } from '../../models/registry/modelVersion.ts';
import { modelFromBytes } from '../../models/runtime/modelFiles.ts';
import type { CommandContext } from '../command.ts';
import { openModelRegistry } from './access.ts';
import { newVersion } from './add.ts';

export interface NewModel {
  readonly name: string;
  /** Set to the new version, where it is as it was just before. */
  readonly alias?: string;
  readonly bytes: Uint8Array;
  /** Beside the range of times, which the file has. */
  readonly training: TrainingRange;
}

export interface RegisteredAs {
  readonly name: string;
  readonly version: string;
  readonly registry: string;
}

/** Adds a model that was just made to the registry, as `model add` adds a file. */
export async function registerModel(context: CommandContext, model: NewModel): Promise<RegisteredAs> {
  const { name, alias, bytes } = model;
  const { given } = newVersion(name, `${name}.onnx`, modelFromBytes(`${name}.onnx`, bytes), {});
  const registry = await openModelRegistry(context);
  try {
    const before = alias === undefined ? undefined : await registry.alias(name, alias);
    const { source, ...rest } = given;
    const training = { ...rest.training, ...model.training };
    const added = await registry.add({ ...rest, training });
    if (alias !== undefined) {
      const expect = before?.version ?? null;
      await registry.setAlias({ name, alias, version: added.version, kind: 'promote', expect });
    }
    return { name, version: added.version, registry: registry.url };
  } finally {
    await registry.close();
  }
}
