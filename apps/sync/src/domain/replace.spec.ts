import { inboxRecord } from '../../test/builders.js';
import { arrivalOf } from '../projections/arrival.js';
import { replacedIn } from './replace.js';

const SAID = new Uint8Array([1]);
const LEFT = new Uint8Array([2]);
const renderings = [{ users: ['ua'], body: new Uint8Array([3]) }];
const said = (offset: number, sourceOffset: number) =>
  arrivalOf(inboxRecord(offset, sourceOffset, ['ua', 'ub'], { body: SAID }));
const takenBack = (offset: number, sourceOffset: number, replaced: number) => {
  const replacement = { position: 2 ** 44 + replaced, body: LEFT, renderings };
  return arrivalOf(inboxRecord(offset, sourceOffset, ['ua', 'ub'], { body: SAID, replacement }));
};

// Goal: rows that come together are seen as the last of them leaves them. Pure.
describe('replaced rows', () => {
  it('have the body and renderings that came later, and their own place', () => {
    const rows = [said(0, 0), said(1, 1), takenBack(2, 2, 0)];
    const [first, ...others] = replacedIn(rows);
    expect(first).toEqual({ ...rows[0], body: LEFT, renderings });
    expect(others).toEqual(rows.slice(1));
  });

  it('are those of the same source alone, and none where nothing is replaced', () => {
    const other = { ...said(0, 0), source: 7 };
    expect(replacedIn([other, takenBack(1, 1, 0)])[0]).toBe(other);
    const plain = [said(0, 0), said(1, 1)];
    expect(replacedIn(plain)).toBe(plain);
  });
});
