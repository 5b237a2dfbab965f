const RealDate = globalThis.Date;
let shiftMs = 0;

/**
 * Moves this process's clock: `Date.now()` and `new Date()` tell the real time plus `ms` from now on; 0 gives the real
 * clock back. Durations (`performance.now()`) and timers are not touched. For trials of failure only.
 */
export function shiftClock(ms: number): void {
  shiftMs = ms;
  if (ms !== 0 && globalThis.Date === RealDate) globalThis.Date = shifted;
}

const now = (): number => RealDate.now() + shiftMs;

/** Shares the real one's prototype, so that dates made before and after are of the same class. */
const shifted = new Proxy(RealDate, {
  construct: (target, args: unknown[], newTarget) =>
    Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget) as Date,
  apply: () => new RealDate(now()).toString(),
  get: (target, name, receiver): unknown => (name === 'now' ? now : Reflect.get(target, name, receiver)),
});
