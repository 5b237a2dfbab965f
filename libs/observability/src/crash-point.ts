import { readFileSync, renameSync, unwatchFile, watchFile } from 'node:fs';

/**
 * The places at which a process may be told to die, one on each side of every step that must survive it. The names say
 * where the process is: `fan-out.after-inbox` = the inbox record is acknowledged and nothing else knows of it yet.
 */
export const CRASH_POINTS = [
  'lane.before-send',
  'lane.after-answer',
  'checkpoint.before-write',
  'checkpoint.after-write',
  'messages.before-append',
  'messages.after-append',
  'archive.after-insert',
  'fan-out.before-inbox',
  'fan-out.after-inbox',
  'feed.after-visible',
  'feed.after-rows',
  'push.after-send',
  'store.after-commit',
  'group.after-commit',
  'relay.after-append',
  'states.after-append',
  'session.after-commit',
  'gateway.before-call',
  'gateway.before-answer',
  'gateway.after-notice',
] as const;

export type CrashPoint = (typeof CRASH_POINTS)[number];

/** At the `pass`-th pass (1 = the next one) of `point` the process is killed or frozen. */
export interface ArmedFault {
  readonly point: CrashPoint;
  readonly pass: number;
  readonly action: 'kill' | 'freeze';
}

/** What a fault file holds. */
export type FaultFile = ArmedFault | { readonly clockShiftMs: number };

const LOOK_EVERY_MS = 100;

let armed: ArmedFault | undefined;
let passesLeft = 0;
let fileOf = '';

/** Marks a crash point. Costs a comparison; does nothing unless this very point is armed. */
export function crashPoint(name: CrashPoint): void {
  if (armed?.point !== name) return;
  passesLeft -= 1;
  if (passesLeft > 0) return;
  const { action } = armed;
  armed = undefined;
  // Renamed first: whoever armed it sees that it happened, and the next life of the process does not die again.
  try {
    renameSync(fileOf, `${fileOf}.done`);
  } catch (error) {
    // Disarmed a moment ago: nobody waits for it any more.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  process.kill(process.pid, action === 'kill' ? 'SIGKILL' : 'SIGSTOP');
}

/**
 * Looks for faults in `file` (JSON of a FaultFile) until the answered function is called; `onClockShift` hears how far
 * the file wants the clock to be off, in ms, undefined = it does not say. For trials of failure only: nothing is
 * watched unless a process is started with such a file.
 */
export function watchFaultFile(
  file: string,
  onClockShift: (ms: number | undefined) => void = () => undefined,
): () => void {
  fileOf = file;
  const look = (): void => {
    const fault = readFault(file);
    onClockShift(fault !== undefined && 'clockShiftMs' in fault ? fault.clockShiftMs : undefined);
    if (fault === undefined || !('point' in fault)) armed = undefined;
    else if (armed?.point !== fault.point || armed.pass !== fault.pass || armed.action !== fault.action) {
      armed = fault;
      passesLeft = fault.pass;
    }
  };
  look();
  watchFile(file, { interval: LOOK_EVERY_MS, persistent: false }, look);
  return () => {
    unwatchFile(file, look);
    armed = undefined;
  };
}

/** undefined: not there, or not whole yet. */
function readFault(file: string): FaultFile | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as FaultFile;
  } catch {
    return undefined;
  }
}
