import { randomBytes } from 'node:crypto';
import { askRebuild, rebuildableViews, withdrawRebuild, type RebuildState } from '@magpie/event-store';
import type { Connection } from '@magpie/mongo';
import { RebuildError } from './options.js';

const LOOK_MS = 500;
/** A request that nobody takes up for so long is taken back, if it is one's own and nobody has joined it. */
const TAKE_UP_MS = 20_000;

const count = (events: number): string => events.toLocaleString('en').replaceAll(',', ' ');

/**
 * Asks for a rebuild and tells its progress until it is over. One that somebody else has asked for, and nobody has begun,
 * is followed; behind one that is under way comes another, and both are.
 */
export async function rebuildView(connection: Connection, view: string, print: (line: string) => void): Promise<void> {
  const request = randomBytes(8).toString('hex');
  await stateOf(connection, view);
  await askRebuild(connection, view, request);
  let idleSince = Date.now();
  let last = { at: idleSince, done: 0 };
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    const state = await stateOf(connection, view);
    if (state.status === 'Failed') throw new RebuildError(`${view} stays as it was: ${state.reason}`);
    if (state.status === 'Idle') throw new RebuildError('it was taken back');
    if (state.status === 'Done') return print(summary(view, state));
    const now = Date.now();
    if (state.status !== 'Asked') idleSince = now;
    if (now - idleSince > TAKE_UP_MS) {
      const withdrawn = await withdrawRebuild(connection, view, request);
      if (withdrawn || (await stateOf(connection, view)).status === 'Asked')
        throw new RebuildError(`nobody takes it up: is the service running?`);
      // It was begun just now.
      idleSince = now;
    }
    if (state.done === last.done) continue;
    // A rebuild that was begun anew starts counting anew.
    const rate = (Math.max(0, state.done - last.done) * 1000) / (now - last.at);
    last = { at: now, done: state.done };
    print(
      `${view}: ${count(state.done)} of ${count(state.total)} events (${state.source}), ${count(Math.round(rate))}/s`,
    );
  }
}

async function stateOf(connection: Connection, view: string): Promise<RebuildState> {
  const state = (await rebuildableViews(connection)).find(({ _id }) => _id === view);
  if (!state) throw new RebuildError(await unknown(connection, view));
  return state;
}

function summary(view: string, { done, startedAt, finishedAt }: RebuildState): string {
  const seconds = (Number(finishedAt) - Number(startedAt)) / 1000;
  const rate = count(Math.round(done / Math.max(seconds, 0.001)));
  return `${view} is rebuilt: ${count(done)} events in ${seconds.toFixed(1)} s, ${rate}/s`;
}

async function unknown(connection: Connection, view: string): Promise<string> {
  const views = (await rebuildableViews(connection)).map(({ _id }) => _id);
  return `there is no ${view} here; to be rebuilt: ${views.join(', ') || 'nothing'}`;
}
