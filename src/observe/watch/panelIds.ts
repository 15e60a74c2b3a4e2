/** The panels of the screen, in the order of their digits; here, as the options of `anomaly tui` name them and load none. */
export const PANEL_IDS = [
  'pipeline',
  'lag',
  'latency',
  'windows',
  'anomalies',
  'models',
  'checkpoints',
  'alerts',
  'log',
] as const;
export type PanelId = (typeof PANEL_IDS)[number];
