import assert from 'node:assert/strict';
import { loadSettings } from '../../../src/config/load.ts';
import type { PipelineConfig } from '../../../src/config/pipelineConfig.ts';
import type { Logger } from '../../../src/output/logger.ts';
import { temporaryFiles } from '../../helpers/files.ts';

/** The pipeline that an anomaly.yaml describes, defaults and all. */
export async function configOf(yaml: string): Promise<PipelineConfig> {
  const directory = temporaryFiles({ 'anomaly.yaml': yaml });
  try {
    const env = { HOME: directory.path };
    const settings = await loadSettings({ flags: [], extras: [], env, cwd: directory.path, ignoreProfile: true });
    assert.deepEqual(settings.problems, []);
    return settings.pipeline();
  } finally {
    directory.remove();
  }
}

/** Keeps what is logged, as `level message`. */
export class LogLines implements Logger {
  readonly lines: string[] = [];
  debug(message: string): void {
    this.lines.push(`debug ${message}`);
  }
  info(message: string): void {
    this.lines.push(`info ${message}`);
  }
  warn(message: string): void {
    this.lines.push(`warn ${message}`);
  }
  error(message: string): void {
    this.lines.push(`error ${message}`);
  }
}
