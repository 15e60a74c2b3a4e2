import { type Check, type CheckStatus, type Finding, failed, type Seen, skip } from './check.ts';
import type { Doctor } from './doctor.ts';

/**
 * Runs checks, each as soon as those that it needs are done, and returns their rows in the order of the list. One whose
 * need failed is skipped with that as the reason; one that gives no answer within the deadline has failed.
 */
export async function runChecks(checks: readonly Check[], doctor: Doctor, deadlineMs: number): Promise<Finding[]> {
  const running = new Map<string, Promise<readonly Seen[]>>();
  for (const check of checks) {
    const needed = check.needs.map((name) => [name, running.get(name)!] as const);
    running.set(check.name, runCheck(check, needed, doctor, deadlineMs));
  }
  const rows: Finding[] = [];
  for (const { name, ofPipeline } of checks) {
    const seen = await running.get(name)!;
    if (ofPipeline && doctor.config === undefined) continue;
    rows.push(...seen.map((each) => ({ check: name, ...each })));
  }
  return rows;
}

const NOT_ASKED = 'cannot be asked as';

async function runCheck(
  check: Check,
  needed: readonly (readonly [string, Promise<readonly Seen[]>])[],
  doctor: Doctor,
  deadlineMs: number,
): Promise<readonly Seen[]> {
  for (const [name, seen] of needed) {
    const rows = await seen;
    const status = worst(rows);
    if (status === 'fail') return [skip(`${NOT_ASKED} ${name} failed`)];
    if (status !== 'skip') continue;
    // What failed first is what is to be mended.
    const first = rows.find(({ detail }) => detail.startsWith(NOT_ASKED));
    return [skip(first?.detail ?? `${NOT_ASKED} ${name} was skipped`)];
  }
  if (check.ofPipeline && doctor.config === undefined) return [skip('no pipeline is configured')];
  const limitMs = Math.max(deadlineMs, check.leastDeadlineMs ?? 0);
  try {
    return await within(check.run(doctor), limitMs);
  } catch (error) {
    return [failed(error)];
  }
}

function worst(seen: readonly Seen[]): CheckStatus {
  for (const status of ['fail', 'skip', 'warn'] as const) if (seen.some((row) => row.status === status)) return status;
  return 'ok';
}

function within<T>(running: Promise<T>, limitMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`gave no answer within ${limitMs} ms (--deadline)`)), limitMs);
    running.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
