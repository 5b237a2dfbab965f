import { setTimeout as delay } from 'node:timers/promises';

import { SignUps, type Choose, type Load, type LoadResult, type SignUpResult } from '@magpie/testing';

import type { Rig } from './rig.js';
import { NotReached, NotRun, type Row, type RowResult } from './row.js';

/** Load before the fault, and after the system is healthy again. */
const BEFORE_MS = 2_000;
const AFTER_MS = 4_000;
/** Every send must have its answer this soon after the last repair. */
const RESOLVE_WITHIN_MS = 60_000;

/** One fault under load on a healthy system, and the judgement. Leaves the system as it then is. */
export async function runRow(row: Row, rig: Rig, load: Load, choose: Choose): Promise<RowResult> {
  const startedAt = performance.now();
  const reasons: string[] = [];
  let particulars = '';
  let status: RowResult['status'] | undefined;
  const trial = load.begin();
  const signUps = new SignUps(rig.doors[0]!, `p${Date.now().toString(36)}`);
  signUps.begin();
  await delay(BEFORE_MS);
  try {
    particulars = (await row.run({ rig, load, trial, choose })) ?? '';
  } catch (error) {
    if (error instanceof NotReached) status = 'not reached';
    else if (error instanceof NotRun) status = 'not run';
    reasons.push((error as Error).message);
  }
  const unhealthy = await rig.unhealthy();
  if (unhealthy.length > 0) reasons.push(`not healthy again: ${unhealthy.join(', ')}`);
  await delay(AFTER_MS);
  load.end();
  signUps.end();
  const [loadResult, signUpResult] = await Promise.all([
    load.settle(RESOLVE_WITHIN_MS),
    signUps.settle(RESOLVE_WITHIN_MS, load.devices[0]!),
  ]);
  reasons.push(...faultsOf(loadResult), ...faultsOfSignUps(signUpResult));
  status ??= reasons.length === 0 ? 'passed' : 'failed';
  const tookMs = performance.now() - startedAt;
  return { row, status, reasons, particulars, load: loadResult, signUps: signUpResult, tookMs };
}

function faultsOf(result: LoadResult): string[] {
  const { summary, unresolved, foundByPull, offline, shownAgain } = result;
  return [
    ...Object.entries(summary.counts).map(([kind, count]) => `${count} ${kind}`),
    ...(summary.judged.refused > 0
      ? [`${summary.judged.refused} refused: ${Object.keys(result.refusals).join(', ')}`]
      : []),
    ...(unresolved > 0 ? [`${unresolved} sends without an answer`] : []),
    ...(foundByPull > 0 ? [`${foundByPull} found only by asking`] : []),
    ...(offline > 0 ? [`${offline} devices did not come back`] : []),
    ...(shownAgain > 0 ? [`${shownAgain} old messages shown again`] : []),
  ];
}

function faultsOfSignUps({ unresolved, invisible, wrong }: SignUpResult): string[] {
  return [
    ...(unresolved > 0 ? [`${unresolved} sign-ups without an answer`] : []),
    ...(invisible > 0 ? [`${invisible} profiles not found`] : []),
    ...wrong.slice(0, 3),
  ];
}
