/** Ms since 1970. */
export type Clock = () => number;

/** Token of the clock. */
export const CLOCK = Symbol('CLOCK');
