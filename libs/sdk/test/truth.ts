import { messaging, social, sync } from '@magpie/contracts';
import fc from 'fast-check';

export const ME = 'ualice';
export const PEERS = ['ubob', 'gteam', ME] as const;
type Peer = (typeof PEERS)[number];
type Inner = NonNullable<sync.Item['item']>;

const { FRIEND, DELETED } = social.Contact_State;
const { JOINED, LEFT } = messaging.Group_State;

/** One thing that happens; `at` chooses among what is there. */
export type Happening =
  | { readonly what: 'message'; readonly peer: Peer; readonly from: string; readonly mentions: readonly string[] }
  | { readonly what: 'recall' | 'delete' | 'clear'; readonly peer: Peer; readonly at: number }
  | { readonly what: 'receipt'; readonly peer: Peer; readonly reader: string; readonly at: number }
  | { readonly what: 'setting'; readonly peer: Peer; readonly pinned: boolean; readonly draft: string }
  | { readonly what: 'contact' | 'request' | 'group' | 'join-request' | 'privacy'; readonly at: number };

const peer = fc.constantFrom(...PEERS);
const at = fc.nat({ max: 40 });

export const happenings = fc.array(
  fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({
        what: fc.constant('message' as const),
        peer,
        from: fc.constantFrom(ME, 'ubob', 'ucarol', ''),
        mentions: fc.constantFrom([], [ME], ['all'], ['ubob']),
      }),
    },
    { weight: 3, arbitrary: fc.record({ what: fc.constantFrom('recall' as const, 'delete', 'clear'), peer, at }) },
    {
      weight: 4,
      arbitrary: fc.record({ what: fc.constant('receipt' as const), peer, reader: fc.constantFrom(ME, 'ubob'), at }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        what: fc.constant('setting' as const),
        peer,
        pinned: fc.boolean(),
        draft: fc.constantFrom('', 'half a thought'),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        what: fc.constantFrom('contact' as const, 'request', 'group', 'join-request', 'privacy'),
        at,
      }),
    },
  ),
  { minLength: 1, maxLength: 60, size: 'max' },
);

/** A model of one user: what everything that happened comes to, and the items of it that the feed brings. */
export class Truth {
  /** In the order of the feed: every entry, with the name under which only the last one of a state counts. */
  readonly entries: { readonly item: Inner; readonly state?: string }[] = [];
  readonly messages = new Map<Peer, messaging.Message[]>(PEERS.map((each) => [each, []]));
  readonly recalledBy = new Map<string, string>();
  readonly deleted = new Set<string>();
  readonly settings = new Map<string, messaging.ConversationSetting>();
  readonly receipts = new Map<string, messaging.Receipt>();
  #position = 0;
  #version = 0;

  constructor(all: readonly Happening[]) {
    for (const each of all) this.#happen(each);
  }

  /** As a device finds it that begins with nothing: the last of each state, then the log, bodies of recalled ones gone. */
  initial(): Inner[] {
    const states = new Map<string, Inner>();
    for (const { item, state } of this.entries) if (state !== undefined) states.set(state, item);
    const log = this.entries.filter(({ state }) => state === undefined).map(({ item }) => this.#replaced(item));
    return [...states.values(), ...log];
  }

  #replaced(item: Inner): Inner {
    if (item.$case !== 'message' || !this.recalledBy.has(item.value.messageId)) return item;
    const { messageId, from, to, peer: side, position, serverTimeMs } = item.value;
    const left = { messageId, from, to, peer: side, position, serverTimeMs, recalled: true };
    return { $case: 'message', value: messaging.Message.fromPartial(left) };
  }

  #happen(each: Happening): void {
    switch (each.what) {
      case 'message':
        return this.#message(each.peer, each.from, each.mentions);
      case 'recall': {
        const message = this.#pick(each.peer, each.at);
        if (message === undefined || message.from === '' || this.recalledBy.has(message.messageId)) return;
        const { messageId, position, from: by } = message;
        this.recalledBy.set(messageId, by);
        return this.#add({ $case: 'recall', value: { peer: each.peer, messageId, position, by } });
      }
      case 'delete': {
        const message = this.#pick(each.peer, each.at);
        if (message === undefined) return;
        const { messageId, position } = message;
        this.deleted.add(messageId);
        return this.#add(
          { $case: 'deletion', value: { peer: each.peer, messageId, position } },
          `deleted.${messageId}`,
        );
      }
      case 'clear':
        return this.#set(each.peer, { clearedPosition: this.#pick(each.peer, each.at)?.position ?? 0 });
      case 'setting':
        return this.#set(each.peer, { pinned: each.pinned, draft: each.draft });
      case 'receipt':
        return this.#receipt(each.peer, each.reader, this.#pick(each.peer, each.at)?.position ?? 0);
      default:
        return this.#other(each.what, each.at);
    }
  }

  #add(item: Inner, state?: string): void {
    this.entries.push(state === undefined ? { item } : { item, state });
  }

  #pick(side: Peer, index: number): messaging.Message | undefined {
    const all = this.messages.get(side)!;
    return all[index % Math.max(1, all.length)];
  }

  #message(side: Peer, from: string, mentions: readonly string[]): void {
    const position = ++this.#position;
    const message = messaging.Message.fromPartial({
      messageId: `m${position}`,
      from: side === ME ? ME : side === 'ubob' && from === 'ucarol' ? 'ubob' : from,
      to: side,
      peer: side,
      position,
      serverTimeMs: 1000 + position,
      content: { content: { $case: 'text', value: { text: `text ${position}` } } },
      mentions: [...mentions],
      ...(position % 5 === 0 ? { quote: { messageId: 'm1', from: ME } } : {}),
      ...(position % 7 === 0 ? { burnAfterMs: 5000 } : {}),
    });
    this.messages.get(side)!.push(message);
    this.#add({ $case: 'message', value: message });
  }

  #set(side: Peer, changes: Partial<messaging.ConversationSetting>): void {
    const was = this.settings.get(side) ?? messaging.ConversationSetting.fromPartial({ peer: side });
    const clearedPosition = Math.max(was.clearedPosition, changes.clearedPosition ?? 0);
    const setting = { ...was, ...changes, clearedPosition, version: was.version + 1 };
    this.settings.set(side, setting);
    const value = { setting: { $case: 'conversation' as const, value: setting } };
    this.#add({ $case: 'setting', value }, `conversation.${side}`);
  }

  #receipt(side: Peer, reader: string, position: number): void {
    const name = `receipt.${side}.${reader}`;
    const was = this.receipts.get(name) ?? messaging.Receipt.fromPartial({ peer: side, reader });
    // What a device holds is told before it is read.
    const isRead = position % 2 === 0;
    const receipt = {
      ...was,
      readPosition: Math.max(was.readPosition, isRead ? position : 0),
      deliveredPosition: Math.max(was.deliveredPosition, isRead ? 0 : position),
    };
    this.receipts.set(name, receipt);
    this.#add({ $case: 'receipt', value: receipt }, name);
  }

  #other(what: 'contact' | 'request' | 'group' | 'join-request' | 'privacy', chance: number): void {
    const version = ++this.#version;
    const one = chance % 2;
    if (what === 'contact') {
      const value = social.Contact.fromPartial({ userId: `u${one}`, state: one === 0 ? FRIEND : DELETED, version });
      this.#add({ $case: 'contact', value }, `contact.u${one}`);
    } else if (what === 'group') {
      const members = chance % 3 === 0 ? [] : [{ userId: ME }, { userId: `u${version}` }];
      const group = { groupId: `g${one}`, name: `name ${version}`, version, members, memberCount: members.length };
      const value = messaging.Group.fromPartial({ ...group, state: chance % 5 === 0 ? LEFT : JOINED });
      this.#add({ $case: 'group', value }, `group.g${one}`);
    } else if (what === 'privacy') {
      const privacy = social.PrivacySetting.fromPartial({ byName: chance % 2 === 0, version });
      this.#add({ $case: 'setting', value: { setting: { $case: 'privacy', value: privacy } } }, 'privacy');
    } else {
      this.#request(what, chance, version);
    }
  }

  /** Asked, perhaps asked again, and answered: a request that was answered is never asked again. */
  #request(what: 'request' | 'join-request', chance: number, atMs: number): void {
    const id = `${what}.${chance % 4}`;
    const earlier = this.entries.filter(({ state }) => state === id).length;
    if (earlier > 2) return;
    const state = earlier === 2 ? 2 + (chance % 2) : 1;
    if (what === 'request') {
      const value = social.FriendRequestItem.fromPartial({ requestId: id, from: 'ubob', to: ME, atMs, state });
      this.#add({ $case: 'friendRequest', value }, id);
    } else {
      const value = messaging.JoinRequest.fromPartial({ requestId: id, groupId: 'g1', userId: 'ubob', atMs, state });
      this.#add({ $case: 'joinRequest', value }, id);
    }
  }
}
