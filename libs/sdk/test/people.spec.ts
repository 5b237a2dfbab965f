import { social } from '@magpie/contracts';
import type { Commander } from '../src/commander.js';
import { Journal } from '../src/journal.js';
import { People } from '../src/people.js';
import { memoryStore } from '../src/stores/memory-store.js';

const { FRIEND, DELETED } = social.Contact_State;
const { PENDING, ACCEPTED } = social.FriendRequestItem_RequestState;

const contact = (version: number, state: social.Contact_State) =>
  social.Contact.fromPartial({ userId: 'ubob', version, state });
const request = (atMs: number, state: social.FriendRequestItem_RequestState) =>
  social.FriendRequestItem.fromPartial({ requestId: 'r1', from: 'ubob', to: 'ualice', atMs, state });

/** What is told, and a way to bring items. */
function device() {
  const told: string[] = [];
  const journal = new Journal(memoryStore(), 'user/ualice/');
  const people = new People({
    journal,
    commander: undefined as unknown as Commander,
    contact: ({ version }) => void told.push(`contact ${version}`),
    friendRequest: ({ atMs }) => void told.push(`request ${atMs}`),
    privacy: () => undefined,
  });
  const bring = (...items: (social.Contact | social.FriendRequestItem)[]) =>
    journal.update(async (changes) => {
      for (const item of items) {
        if ('requestId' in item) await people.stageFriendRequest(changes, item);
        else await people.stageContact(changes, item);
      }
    });
  return { people, told, bring };
}

// Goal: whatever order items come in, and however often, the newest state is what a device keeps and tells once.
describe('people of a device', () => {
  it('keeps the newest version of a contact', async () => {
    const { people, told, bring } = device();
    await bring(contact(1, FRIEND));
    await bring(contact(3, DELETED), contact(2, FRIEND), contact(3, DELETED));
    expect(await people.contacts()).toEqual([contact(3, DELETED)]);
    expect(told).toEqual(['contact 1', 'contact 3']);
  });

  it('keeps what became of a request last', async () => {
    const { people, told, bring } = device();
    // Answered by a server whose clock is behind.
    await bring(request(10, PENDING), request(20, PENDING), request(15, ACCEPTED), request(20, PENDING));
    expect(await people.friendRequests()).toEqual([request(15, ACCEPTED)]);
    expect(told).toEqual(['request 10', 'request 20', 'request 15']);
  });
});
