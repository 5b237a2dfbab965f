import { FaultsError, type FaultOptions } from './options.js';
import type { Row } from './row.js';
import { QUICK, ROWS } from './rows/index.js';

/** The rows that the options ask for. Throws FaultsError when there is none of such a name. */
export function chosenRows({ quick, only, rows: exactly }: FaultOptions): readonly Row[] {
  const all = quick ? QUICK : ROWS;
  const unknown = exactly.find((name) => !all.some((row) => row.name === name));
  if (unknown !== undefined) throw new FaultsError(`no row is named "${unknown}"`);
  if (only.length === 0 && exactly.length === 0) return all;
  const rows = all.filter(({ name }) => exactly.includes(name) || only.some((part) => name.includes(part)));
  if (rows.length === 0) throw new FaultsError('no row has such a name');
  return rows;
}

/** Whether the options ask for every row. */
export const isFullRun = ({ quick, only, rows }: FaultOptions): boolean =>
  !quick && only.length === 0 && rows.length === 0;
