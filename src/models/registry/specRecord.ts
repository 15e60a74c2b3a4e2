import { completeSpec } from '../modelMetadata.ts';
import type { ModelSpec } from '../modelSpec.ts';
import type { ModelSignature, TensorInfo, TrainingRange } from './modelVersion.ts';
import type { RecordFields } from './recordFields.ts';

/** What a registry keeps of a model beside its files, as JSON: specification, signature, training range. */

export function readSpec(fields: RecordFields): ModelSpec {
  return completeSpec(fields.place, new Map(Object.entries(fields.allTexts())));
}

export function readSignature(fields: RecordFields): ModelSignature {
  return { inputs: fields.objects('inputs').map(readTensor), outputs: fields.objects('outputs').map(readTensor) };
}

function readTensor(fields: RecordFields): TensorInfo {
  return { name: fields.text('name'), type: fields.text('type'), shape: fields.scalars('shape') };
}

export function readTraining(fields: RecordFields): TrainingRange {
  const source = fields.optionalText('source');
  const from = fields.optionalText('from');
  const to = fields.optionalText('to');
  const windows = fields.optionalWhole('windows');
  return {
    ...(source !== undefined && { source }),
    ...(from !== undefined && { from }),
    ...(to !== undefined && { to }),
    ...(windows !== undefined && { windows }),
  };
}
