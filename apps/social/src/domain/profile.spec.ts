import { profile, profileOf, type ProfileChanges, type ProfileState } from './profile.js';

const account = { userId: 'ua', userName: 'ann', nickname: 'Ann', accountVersion: 1 };
const nothing: ProfileChanges = {
  nickname: undefined,
  avatarMediaId: undefined,
  signature: undefined,
  region: undefined,
};
const changed = (state: ProfileState, changes: Partial<ProfileChanges>, now = 1) =>
  profile.decide(state, { account, changes: { ...nothing, ...changes }, now });
const next = (state: ProfileState, changes: Partial<ProfileChanges>) =>
  changed(state, changes).reduce(profile.evolve, state);

// Goal: what somebody changes stands, the rest stays as it was or as the account says. Pure.
describe('profile', () => {
  it('begins as the account says', () => {
    expect(profileOf(profile.initial, account)).toEqual({ ...account, avatarMediaId: '', signature: '', region: '' });
  });

  it('changes what was given and nothing else', () => {
    const first = next(profile.initial, { signature: 'hi' });
    const second = next(first, { nickname: '安', region: '上海' });
    expect(profileOf(second, { ...account, nickname: 'as registered' })).toEqual({
      ...account,
      ...{ nickname: '安', avatarMediaId: '', signature: 'hi', region: '上海' },
    });
    expect(profileOf(next(second, { signature: '' }), account).signature).toBe('');
  });

  it('says nothing when nothing is different', () => {
    expect(changed(profile.initial, { nickname: 'Ann', signature: '' })).toEqual([]);
    expect(changed(next(profile.initial, { nickname: 'B' }), { nickname: 'B' })).toEqual([]);
  });
});
