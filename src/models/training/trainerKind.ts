/** The models that can be trained here. */
export const TRAINER_KINDS = ['forecast', 'autoencoder', 'pca', 'mahalanobis'] as const;
export type TrainerKind = (typeof TRAINER_KINDS)[number];

export const TRAINING_DEFAULTS = {
  hidden: 16,
  epochs: 20,
  patience: 3,
  learningRate: 0.01,
  batch: 64,
  validation: 0.2,
  maxWindows: 20_000,
  variance: 0.9,
  seed: 1,
} as const;

/** Values before the scored one: networks read a window; what has several fields is compared row by row. */
export function defaultLength(kind: TrainerKind, channels: number): number {
  return (kind === 'pca' || kind === 'mahalanobis') && channels > 1 ? 0 : 24;
}
