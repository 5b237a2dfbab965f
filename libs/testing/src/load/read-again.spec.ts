import { messaging, sync } from '@magpie/contracts';
import { HISTORY, SYNC } from '../device/commands.js';
import { readAgain } from './read-again.js';
import type { LoadUser, NewMessage } from './trial.js';

const USERS = 20;
const KEY = sync.SyncKey.fromPartial({ entries: [{ selector: 0, number: 1 }] });

/** A device whose answers hold nothing, each after a time of its own. */
const emptyDevice = (index: number) => ({
  call: async ({ id }: { id: number }): Promise<Uint8Array> => {
    await new Promise((resolve) => setTimeout(resolve, 1 + (index % 5)));
    if (id === SYNC.id) return sync.SyncResponse.encode(sync.SyncResponse.fromPartial({ syncKey: KEY })).finish();
    expect(id).toBe(HISTORY.id);
    return messaging.ListHistoryResponse.encode(messaging.ListHistoryResponse.fromPartial({})).finish();
  },
});

describe('reading again', () => {
  it('counts every gap, though many are asked at once', async () => {
    // Goal: of feeds and histories that hold nothing not one gap is forgotten.
    const users = Array.from({ length: USERS }, (_, index) => {
      return { userId: `u${index}`, devices: [emptyDevice(index)] } as unknown as LoadUser;
    });
    const owed = users.map((user, index) => {
      const conversation = `c${index}`;
      return {
        messageId: `m${index}`,
        from: user,
        to: user.userId,
        readers: [user],
        device: user.devices[0]!,
        conversation,
      } as NewMessage;
    });
    const keys = new Map(users.map(({ userId }) => [userId, KEY]));
    expect(await readAgain(owed, users, keys, 0)).toEqual({ feedGaps: USERS, historyGaps: USERS });
  });
});
