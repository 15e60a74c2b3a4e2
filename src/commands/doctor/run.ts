import { AnomalyError } from '../../errors.ts';
import { type Style, styled } from '../../output/color.ts';
import type { Column } from '../../output/output.ts';
import type { CommandContext } from '../command.ts';
import type { CheckStatus, Finding } from './check.ts';
import { CHECKS } from './checks.ts';
import { Doctor } from './doctor.ts';
import { runChecks } from './runChecks.ts';

export const DEFAULT_DEADLINE_MS = 5000;

const STYLES: Readonly<Record<CheckStatus, Style>> = { ok: 'green', warn: 'yellow', fail: 'red', skip: 'dim' };

const COLUMNS: readonly Column<Finding>[] = [
  { header: 'status', value: (row) => row.status },
  { header: 'check', value: (row) => row.check },
  { header: 'detail', value: (row) => row.detail },
  { header: 'fix', value: (row) => row.fix },
];

/** A line a row, and what to do on a line of its own: both are long. */
function report(findings: readonly Finding[], color: boolean): string {
  const width = Math.max(...findings.map(({ check }) => check.length));
  return findings
    .flatMap(({ check, status, detail, fix }) => [
      `${styled(color, STYLES[status], status.padEnd(4))}  ${check.padEnd(width)}  ${detail}`,
      ...(fix === null ? [] : [`${' '.repeat(width + 6)}  ${styled(color, 'cyan', 'try:')} ${fix}`]),
    ])
    .join('\n');
}

/** `doctor`: every check, also after one that failed. @throws ANM_CHECK_FAILED */
export async function runDoctor(context: CommandContext): Promise<number> {
  const { output, flags, logger } = context;
  const doctor = new Doctor(context);
  try {
    const findings = await runChecks(CHECKS, doctor, (flags['deadline'] as number | undefined) ?? DEFAULT_DEADLINE_MS);
    if (output.format === 'text') await output.document(findings, () => report(findings, output.color));
    else await output.table('checks', findings, COLUMNS);
    if (doctor.config === undefined && context.settings.problems.length === 0 && doctor.problem === undefined) {
      logger.info('no pipeline is configured here, so only the connection was looked at: give -f anomaly.yaml');
    }
    const failed = [...new Set(findings.filter((row) => row.status === 'fail').map((row) => row.check))];
    if (failed.length === 0) return 0;
    const count = new Set(findings.map((row) => row.check)).size;
    throw new AnomalyError('ANM_CHECK_FAILED', `${failed.length} of ${count} checks failed: ${failed.join(', ')}`, {
      details: { failed },
    });
  } finally {
    await doctor.close();
  }
}
