import { rm } from 'node:fs/promises';
import { join } from 'node:path';

import { choicesOf, GroupLog, Load } from '@magpie/testing';

import { Rig } from './rig.js';
import { SHAPES, type Row, type RowResult, type ShapeName } from './row.js';
import { runRow } from './run-row.js';
import { mountVolumes, unmountVolumes } from './volumes.js';

export const USERS = 60;
/** Messages per second in pairs. */
export const RATE = 300;

/** Rows of one shape, one after another on one system, which is started anew when a row leaves it unfit for the next. */
export async function runShape(
  shape: ShapeName,
  rows: readonly Row[],
  seed: number,
  data: string,
  onResult: (result: RowResult) => void,
): Promise<void> {
  const dataDir = join(data, shape);
  await unmountVolumes(dataDir);
  await rm(dataDir, { recursive: true, force: true });
  const obstacle = shape === 'disks' ? await mountVolumes(dataDir) : undefined;
  if (obstacle !== undefined) {
    for (const row of rows) onResult({ row, status: 'not run', reasons: [obstacle], particulars: '', tookMs: 0 });
    return;
  }
  try {
    await runOn(shape, dataDir, seed, rows, onResult);
  } finally {
    await unmountVolumes(dataDir);
  }
}

async function runOn(
  shape: ShapeName,
  dataDir: string,
  seed: number,
  rows: readonly Row[],
  onResult: (result: RowResult) => void,
): Promise<void> {
  const choose = choicesOf(seed);
  let rig = await Rig.start(dataDir, SHAPES[shape]);
  try {
    const times = new GroupLog();
    const load = await Load.signIn(rig.doors, { users: USERS, rate: RATE, seed }, () => times.read(...rig.messageLog));
    try {
      for (const row of rows) {
        if ((await rig.unhealthy()).length > 0 || (await load.allOnline()) > 0) {
          await rig.stop();
          rig = await Rig.start(dataDir, SHAPES[shape]);
          load.moveTo(rig.doors);
          await load.allOnline();
        }
        onResult(await runRow(row, rig, load, choose));
      }
    } finally {
      await load.stop();
    }
  } finally {
    await rig.stop();
  }
}
