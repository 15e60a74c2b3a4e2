import type { PanelId } from '../../observe/watch/panelIds.ts';
import { alertsPanel } from './alerts.ts';
import { anomaliesPanel } from './anomalies.ts';
import { checkpointsPanel } from './checkpoints.ts';
import { lagPanel } from './lag.ts';
import { latencyPanel } from './latency.ts';
import { logPanel } from './log.ts';
import { modelsPanel } from './models.ts';
import type { AnyPanel } from './panel.ts';
import { pipelinePanel } from './pipeline.ts';
import { windowsPanel } from './windows.ts';

export const PANELS: Readonly<Record<PanelId, AnyPanel>> = {
  pipeline: pipelinePanel,
  lag: lagPanel,
  latency: latencyPanel,
  windows: windowsPanel,
  anomalies: anomaliesPanel,
  models: modelsPanel,
  checkpoints: checkpointsPanel,
  alerts: alertsPanel,
  log: logPanel,
};
