import type { ModelSpec } from './modelSpec.ts';

/** A spec as metadata_props of an ONNX file: keys `anomaly.*`, channels as JSON. */
export function specMetadata(spec: ModelSpec): Record<string, string> {
  return {
    'anomaly.kind': spec.kind,
    'anomaly.length': String(spec.length),
    'anomaly.channels': JSON.stringify(spec.channels),
    'anomaly.scaling': spec.scaling,
    ...(spec.layout !== undefined && { 'anomaly.layout': spec.layout }),
    ...(spec.input !== undefined && { 'anomaly.input': spec.input }),
    ...(spec.output !== undefined && { 'anomaly.output': spec.output }),
    ...(spec.direction !== undefined && { 'anomaly.direction': spec.direction }),
    ...(spec.classIndex !== undefined && { 'anomaly.class_index': String(spec.classIndex) }),
  };
}
