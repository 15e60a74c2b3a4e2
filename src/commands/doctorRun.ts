import { AnomalyError, isAnomalyError } from '../errors.ts';
import { type Style, styled } from '../output/color.ts';
import type { CommandContext } from './command.ts';
import { checkBrokers, checkRegistry } from './doctorCluster.ts';
import {
  checkConfiguration,
  checkNativeClient,
  checkRuntime,
  checkStateDirectory,
  checkTerminal,
} from './doctorLocal.ts';
import { checkAdminApi } from './doctorSecurity.ts';

/** One row of the report. */
export interface Finding {
  readonly check: string;
  readonly status: 'ok' | 'warn' | 'fail';
  readonly detail: string;
  /** What to do; null where all is well. */
  readonly fix: string | null;
}

type Check = (context: CommandContext) => Promise<readonly Finding[]>;

const CHECKS: readonly Check[] = [
  checkRuntime,
  checkConfiguration,
  checkNativeClient,
  checkBrokers,
  checkRegistry,
  checkAdminApi,
  checkStateDirectory,
  checkTerminal,
];

const STYLES: Readonly<Record<Finding['status'], Style>> = { ok: 'green', warn: 'yellow', fail: 'red' };

/** `doctor`: runs every check, even after one that failed. */
export async function runDoctor(context: CommandContext): Promise<number> {
  const { output } = context;
  const findings: Finding[] = [];
  for (const check of CHECKS) findings.push(...(await guarded(check, context)));
  await output.table('checks', findings, [
    { header: 'status', value: (row) => styled(output.color, STYLES[row.status], row.status) },
    { header: 'check', value: (row) => row.check },
    { header: 'detail', value: (row) => row.detail },
    { header: 'fix', value: (row) => row.fix },
  ]);
  const failed = findings.filter((row) => row.status === 'fail');
  if (failed.length === 0) return 0;
  throw new AnomalyError(
    'ANM_CHECK_FAILED',
    `${failed.length} of ${findings.length} checks failed: ${failed.map((row) => row.check).join(', ')}`,
    {
      details: { failed: failed.map((row) => row.check) },
    },
  );
}

/** A check that throws is a finding too. */
async function guarded(check: Check, context: CommandContext): Promise<readonly Finding[]> {
  try {
    return await check(context);
  } catch (error) {
    return [failure(check === checkAdminApi ? 'admin api' : check.name.replace(/^check/, '').toLowerCase(), error)];
  }
}

export function failure(check: string, error: unknown): Finding {
  const detail = error instanceof Error ? error.message : String(error);
  return { check, status: 'fail', detail, fix: isAnomalyError(error) ? error.hint : 'run again with --debug' };
}
