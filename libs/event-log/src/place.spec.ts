import { placeOf, SHORTENED } from './place.js';

const checkpoint = (next: number, digest = 'd') => ({ _id: 'c', epoch: 1, next, digest });

describe('placeOf', () => {
  it('starts without a checkpoint where it is told', () => {
    expect(placeOf({ _id: 'c', epoch: 1 }, { start: 3, end: 9 }, 'earliest', undefined)).toEqual({ from: 3, next: 3 });
    expect(placeOf({ _id: 'c', epoch: 1 }, { start: 3, end: 9 }, 'latest', undefined)).toEqual({ from: 9, next: 9 });
  });

  it('reads the record before the checkpoint again, to see that it is the same', () => {
    expect(placeOf(checkpoint(5), { start: 0, end: 9 }, 'latest', undefined)).toEqual({
      from: 4,
      next: 5,
      digest: 'd',
    });
    expect(placeOf(checkpoint(5), { start: 5, end: 9 }, 'latest', undefined)).toEqual({ from: 5, next: 5 });
    expect(placeOf(checkpoint(5, ''), { start: 0, end: 9 }, 'latest', undefined)).toEqual({ from: 5, next: 5 });
  });

  it('begins at the window to be remembered, as far as the log still holds it', () => {
    expect(placeOf(checkpoint(5), { start: 0, end: 9 }, 'latest', 2)).toEqual({ from: 2, next: 5, digest: 'd' });
    expect(placeOf(checkpoint(5), { start: 3, end: 9 }, 'latest', 2)).toEqual({ from: 3, next: 5, digest: 'd' });
    expect(placeOf(checkpoint(5), { start: 0, end: 9 }, 'latest', 8)).toEqual({ from: 4, next: 5, digest: 'd' });
  });

  it('tells a hole below the start from a log that ends too early', () => {
    expect(placeOf(checkpoint(5), { start: 6, end: 9 }, 'latest', 2)).toEqual({ from: 6, next: 6, alarm: 'hole' });
    expect(placeOf(checkpoint(5), { start: 0, end: 4 }, 'latest', 2)).toBe(SHORTENED);
    expect(placeOf(checkpoint(5), { start: 0, end: 5 }, 'latest', undefined)).toEqual({
      from: 4,
      next: 5,
      digest: 'd',
    });
  });
});
