import { requireContactChanges, requireOther, requireProfileChanges, requireSameCommand } from './input.js';

const refusing = (code: string, message: string) => expect.objectContaining({ code, message });

// Goal: what cannot be meant is refused with the field and the bound, and texts are kept in one form. Pure.
describe('input', () => {
  it('takes the ids of other users', () => {
    expect(requireOther('ub', 'ua')).toBe('ub');
    expect(() => requireOther('ua', 'ua')).toThrow(refusing('INVALID', 'user_id: is your own'));
    expect(() => requireOther('u b', 'ua')).toThrow(refusing('INVALID', expect.stringContaining('user_id')));
    expect(() => requireOther('u'.repeat(41), 'ua')).toThrow(
      refusing('INVALID', expect.stringContaining('at most 40')),
    );
    for (const none of ['gb', 'u.b', 'UB']) {
      expect(() => requireOther(none, 'ua')).toThrow(refusing('NO_SUCH_PEER', 'user_id: there is no such user'));
    }
  });

  it('keeps texts trimmed and composed, and a tag once', () => {
    expect(requireProfileChanges({ nickname: ' e\u0301 ' })).toMatchObject({
      nickname: '\u00e9',
      signature: undefined,
    });
    expect(requireContactChanges({ tags: [' x', 'x', 'e\u0301', '\u00e9'] }).tags).toEqual(['x', '\u00e9']);
    expect(requireContactChanges({ tags: [] }).tags).toEqual([]);
    expect(requireContactChanges({ starred: false })).toEqual({ remark: undefined, tags: undefined, starred: false });
  });

  it('refuses an empty tag, an avatar that is none, and a change of nothing', () => {
    const tooShort = 'tags[1]: 0 characters, at least 1';
    expect(() => requireContactChanges({ tags: ['x', ' '] })).toThrow(refusing('INVALID', tooShort));
    expect(() => requireProfileChanges({ avatarMediaId: 'u1' })).toThrow(refusing('INVALID', expect.anything()));
    expect(() => requireContactChanges({})).toThrow(refusing('INVALID', expect.stringContaining('one of 3 fields')));
  });

  it('knows a command that was used for something else', () => {
    const before = { remark: 'B', tags: ['x'], starred: false };
    expect(() => requireSameCommand(before, { remark: 'B', tags: ['x'], starred: undefined })).not.toThrow();
    for (const other of [{ remark: 'C' }, { tags: [] }, { starred: true }]) {
      expect(() => requireSameCommand(before, other)).toThrow(refusing('IDEMPOTENCY_MISMATCH', expect.anything()));
    }
  });
});
