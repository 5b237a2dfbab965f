/** Bits of a log offset within a position. */
export const OFFSET_BITS = 44;
const OFFSETS = 2 ** OFFSET_BITS;
/** Positions stay below 2^53. */
export const GENERATION_MAX = 511;

/** (generation, offset) as one rising number: positions of messages, keys of feeds. Generations start at 1. */
export function numberOf(generation: number, offset: number): number {
  if (!(generation >= 1 && generation <= GENERATION_MAX))
    throw new RangeError(`generation ${generation} is out of range`);
  if (!(offset >= 0 && offset < OFFSETS)) throw new RangeError(`offset ${offset} is out of range`);
  return generation * OFFSETS + offset;
}

export function generationOf(number: number): number {
  return Math.floor(number / OFFSETS);
}

export function offsetOf(number: number): number {
  return number % OFFSETS;
}
