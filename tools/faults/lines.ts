import { anomalyLine } from '@magpie/testing';

import type { RowResult, Status } from './row.js';

const NAME_WIDTH = 34;

export const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

/** How the line of a row begins. */
export const headOf = (status: Status, name: string): string => `${status.padEnd(11)} ${name.padEnd(NAME_WIDTH)} `;

/** A row for people: a line, and what went wrong below it. */
export function linesOf({ row, status, reasons, particulars, load, tookMs }: RowResult): string[] {
  const judged = load?.summary.judged;
  const figures =
    load === undefined || judged === undefined
      ? ''
      : `slowest ${seconds(load.slowestMs)}, ${load.usersAffected} of ${load.users} users waited, ` +
        `${judged.sent} sent, ${judged.acknowledged} acknowledged, resolved after ${seconds(load.resolvedAfterMs)}`;
  const anew = load !== undefined && load.restarts > 0 ? `, ${load.restarts} devices began anew` : '';
  const excused = judged !== undefined && judged.excused > 0 ? `, ${judged.excused} excused` : '';
  const told = particulars === '' ? '' : ` (${particulars})`;
  return [
    `${headOf(status, row.name)}${figures}${anew}${excused}; ${seconds(tookMs)}${told}`,
    ...reasons.map((reason) => `            ${reason}`),
    ...(load?.summary.examples ?? []).map((example) => `            ${anomalyLine(example)}`),
  ];
}
