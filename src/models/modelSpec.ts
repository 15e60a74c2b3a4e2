/** What a model makes of a window: the next value, the window again, an anomaly score, or a class. */
export type ModelKind = 'forecast' | 'reconstruction' | 'score' | 'class';

/**
 * How values become the model's input. standard: minus the series' mean, over its standard deviation, both learnt as the
 * stream goes. residual: the detector's seasonal residual over its interquartile range, clipped to +-8, so that one
 * model serves every series.
 */
export type ModelScaling = 'none' | 'standard' | 'residual';

/**
 * The dimensions of the model's input. flat: [batch, length x channels], or [batch, channels] of single rows. Outputs of a
 * reconstruction have the same.
 */
export type ModelLayout = 'batch-length-channels' | 'batch-channels-length' | 'length-batch-channels' | 'flat';

/**
 * What a model reads and what its output means. Our trainer writes it into the ONNX file (metadata_props, keys
 * `anomaly.*`); anomaly.yaml gives it for other files, and overrides it.
 */
export interface ModelSpec {
  readonly kind: ModelKind;
  /**
   * Values before the one that is scored: 0 where the model reads single rows. A forecast reads these; the other kinds
   * read the scored one, too, so their input has length + 1.
   */
  readonly length: number;
  /** Fields of a record, in the order of the model's last input dimension. */
  readonly channels: readonly string[];
  readonly scaling: ModelScaling;
  /** Absent: the one that the input's shape fits best. */
  readonly layout?: ModelLayout;
  /** Names of the tensors; absent: the only one, or the first that can be it. */
  readonly input?: string;
  readonly output?: string;
  /** score: which side is anomalous. Default high. */
  readonly direction?: 'high' | 'low';
  /** class: index of the class whose probability is the score; default the last one. */
  readonly classIndex?: number;
}

/** One version of a model, as alerts, the journal and the status name it. */
export interface ModelIdentity {
  readonly name: string;
  /** A number in a registry; absent for a file or a server. */
  readonly version?: string;
  /** Of the file; absent for a server, which does not tell. */
  readonly sha256?: string;
}
