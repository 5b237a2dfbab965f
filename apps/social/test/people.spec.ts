import fc from 'fast-check';
import { renderFor, social, sync, wire } from '@magpie/contracts';
import { DomainError } from '@magpie/domain';
import { AnswerFriendRequest } from '../src/commands/answer-friend-request.js';
import { ChangeContact } from '../src/commands/change-contact.js';
import { EditPrivacy } from '../src/commands/edit-privacy.js';
import { ExpireRequest } from '../src/commands/expire-request.js';
import { RequestFriend } from '../src/commands/request-friend.js';
import { REQUEST_TTL_MS } from '../src/domain/limits.js';
import { privacy } from '../src/domain/privacy.js';
import { publish } from '../src/publish.js';
import type { FindAccount } from '../src/queries/find-account.js';
import { JudgePairs } from '../src/queries/judge-pairs.js';
import { MemoryStore } from './memory-store.js';
import { PeopleModel, type ModelRequest } from './people-model.js';

const USERS = ['ua', 'ub', 'uc'];
const RUNS = 100;
const STEPS = { minLength: 10, maxLength: 50 };

type Way = 'name' | 'card';
type Setting = 'verificationNeeded' | 'byName' | 'byCard';
type Step =
  | { readonly type: 'ask'; readonly by: string; readonly other: string; readonly way: Way }
  | { readonly type: 'delete' | 'block' | 'unblock' | 'edit'; readonly by: string; readonly other: string }
  | { readonly type: 'privacy'; readonly by: string; readonly setting: Setting; readonly on: boolean }
  | { readonly type: 'answer'; readonly byAnybody: string | null; readonly request: number; readonly accept: boolean }
  | { readonly type: 'wait'; readonly ms: number }
  | { readonly type: 'timers' }
  | { readonly type: 'again' };

/** Mostly the same two, who so come further. */
const user = fc.constantFrom('ua', 'ua', 'ub', 'ub', 'uc');
const pair = fc.tuple(user, user).filter(([by, other]) => by !== other);
const on = (type: 'delete' | 'block' | 'unblock' | 'edit') => pair.map(([by, other]): Step => ({ type, by, other }));
const asking = fc.tuple(pair, fc.constantFrom<Way>('name', 'name', 'card'));
const setting = fc.record({
  ...{ type: fc.constant('privacy' as const), by: user, on: fc.boolean() },
  setting: fc.constantFrom<Setting>('verificationNeeded', 'byName', 'byCard'),
});
const answering = fc.record({
  type: fc.constant('answer' as const),
  /** null = who was asked. */
  byAnybody: fc.oneof({ arbitrary: fc.constant(null), weight: 4 }, user),
  request: fc.constantFrom(0, 0, 0, 1, 2),
  accept: fc.constantFrom(true, true, false),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  { arbitrary: asking.map(([[by, other], way]): Step => ({ type: 'ask', by, other, way })), weight: 4 },
  setting,
  { arbitrary: answering, weight: 4 },
  ...(['delete', 'block', 'unblock', 'edit'] as const).map(on),
  fc.record({ type: fc.constant('wait' as const), ms: fc.constantFrom(1_000, 61_000, 61_000, REQUEST_TTL_MS) }),
  fc.constant<Step>({ type: 'timers' }),
  fc.constant<Step>({ type: 'again' }),
);

/** The commands on a store without a database, beside the model. */
class Run {
  readonly store = new MemoryStore();
  readonly model = new PeopleModel();
  now = 1_790_000_000_000;
  #commands = 0;
  #last: { readonly run: () => Promise<unknown>; readonly outcome: unknown } | undefined;
  readonly #accounts = { execute: (userId: string) => Promise.resolve({ userId }) } as unknown as FindAccount;
  readonly #requests = new RequestFriend({
    ...{ store: this.store.asStore, accounts: this.#accounts, timers: { follow: () => Promise.resolve() } },
    members: { among: () => Promise.resolve([]) },
  });
  readonly #privacy = new EditPrivacy(this.store.asStore);
  readonly #answers = new AnswerFriendRequest(this.store.asStore);
  readonly #contacts = new ChangeContact(this.store.asStore, this.#accounts);
  readonly #expiry = new ExpireRequest(this.store.asStore);

  async take(step: Step): Promise<void> {
    this.now += 1;
    const commandId = `c${++this.#commands}`;
    switch (step.type) {
      case 'wait':
        this.now += step.ms;
        return;
      case 'timers':
        this.model.expire(this.now);
        for (const { id } of this.model.requests) {
          await this.#expiry.execute(`${id}.${this.now}`, { requestId: id }, this.now);
        }
        return;
      case 'again':
        if (this.#last) expect(await outcomeOf(this.#last.run)).toEqual(this.#last.outcome);
        return;
      case 'ask':
        return this.#ask(step, commandId);
      case 'privacy':
        return this.#set(step, commandId);
      case 'answer': {
        const request = this.model.requests.at(-1 - step.request);
        if (request) await this.#answer(step.byAnybody ?? request.to, request, step.accept, commandId);
        return;
      }
      default:
        return this.#change(step.type, { by: step.by, userId: step.other, commandId });
    }
  }

  async #ask({ by, other: userId, way }: Step & { type: 'ask' }, commandId: string): Promise<void> {
    const request = { by, userId, greeting: 'hi', source: way === 'name' ? '' : way, groupId: '', commandId };
    const outcome = await this.#run(() => this.#requests.execute(request, this.now));
    const expected = expectedOf(() => this.model.ask(by, userId, way, this.now));
    if (expected.code !== 'OK') expect(outcome).toEqual(expected);
    else if (expected.value) expect(outcome).toEqual({ code: 'OK', value: expected.value.id });
    else {
      const id = String(outcome.value);
      expect(this.model.requests.map((known) => known.id)).not.toContain(id);
      this.model.asked(id, by, userId, this.now);
    }
  }

  /** What was asked before answers the same, whatever is set now: `#last` stays. */
  async #set({ by, setting, on }: Step & { type: 'privacy' }, commandId: string): Promise<void> {
    expect(await this.#privacy.execute({ by, [setting]: on, commandId }, this.now)).toMatchObject({ [setting]: on });
    const [set, entry, isIn] =
      setting === 'verificationNeeded'
        ? ([this.model.open, by, !on] as const)
        : ([this.model.hidden, `${by} ${setting === 'byName' ? 'name' : 'card'}`, !on] as const);
    if (isIn) set.add(entry);
    else set.delete(entry);
  }

  async #answer(by: string, request: ModelRequest, accept: boolean, commandId: string): Promise<void> {
    const given = { by, requestId: request.id, accept, reason: '', commandId };
    const outcome = await this.#run(() => this.#answers.execute(given, this.now));
    expect(outcome).toEqual(expectedOf(() => this.model.answer(by, request, accept, this.now)));
  }

  async #change(
    type: 'delete' | 'block' | 'unblock' | 'edit',
    given: { by: string; userId: string; commandId: string },
  ) {
    const { by, userId, commandId } = given;
    const name = { delete: 'Delete', block: 'Block', unblock: 'Unblock' } as const;
    const outcome = await this.#run(() =>
      type === 'edit'
        ? this.#contacts.edit({ ...given, remark: commandId }, this.now)
        : this.#contacts.execute(name[type], given, this.now),
    );
    const expected = expectedOf(() => {
      if (type === 'delete') this.model.remove(by, userId);
      if (type === 'block') this.model.blocked.add(`${by}>${userId}`);
      if (type === 'unblock') this.model.blocked.delete(`${by}>${userId}`);
      if (type === 'edit') this.model.edit(by, userId, commandId);
    });
    expect(outcome).toEqual(expected);
  }

  async #run<T>(run: () => Promise<T>): Promise<Outcome<T>> {
    const outcome = await outcomeOf(run);
    // What was refused left nothing behind: done again it may go through.
    this.#last = outcome.code === 'OK' ? { run, outcome } : undefined;
    return outcome;
  }
}

interface Outcome<T> {
  readonly code: string;
  readonly value?: T;
}

async function outcomeOf<T>(run: () => Promise<T>): Promise<Outcome<T>> {
  try {
    return { code: 'OK', value: await run() };
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    return { code: error.code };
  }
}

function expectedOf<T>(run: () => T): Outcome<T> {
  try {
    return { code: 'OK', value: run() };
  } catch (code) {
    return { code: code as string };
  }
}

/** What the feed of a user holds in the end: the last of each item. */
function feedOf(userId: string, { commits }: MemoryStore): Map<string, Uint8Array> {
  const feeds = commits.flatMap((commit) => publish(commit).events.flatMap(({ feed }) => feed ?? []));
  const own = feeds.filter(({ users }) => users.includes(userId));
  return new Map(own.map(({ itemId, body, renderings }) => [itemId, renderFor(userId, body, renderings)]));
}

// Goal: any sequence of commands answers and ends as the model says, for who asks and in every feed. Real: commands,
// deciders, publish; the store is in memory.
describe('people', () => {
  it('do what the model says, in any order', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, STEPS), async (steps) => {
        const run = new Run();
        for (const each of steps) await run.take(each);
        const { model, store } = run;
        const pairs = USERS.flatMap((from) => USERS.map((to) => ({ from, to })));
        const verdicts = await new JudgePairs(store.asStore).execute(pairs);
        expect(verdicts.map((code) => wire.Code[code])).toEqual(pairs.map(({ from, to }) => model.verdict(from, to)));
        for (const { from, to } of pairs.filter(({ from, to }) => from !== to)) {
          const side = `${from}>${to}`;
          const bytes = feedOf(from, store).get(`contact.${[from, to].sort().join('.')}`);
          const { state, blocked, remark } = social.Contact.decode(bytes ?? new Uint8Array(0));
          expect(state === social.Contact_State.FRIEND).toBe(model.has.has(side));
          expect({ blocked, remark }).toEqual({
            blocked: model.blocked.has(side),
            remark: model.remarks.get(side) ?? '',
          });
        }
        for (const each of USERS) {
          const item = sync.Setting.decode(feedOf(each, store).get('privacy') ?? new Uint8Array(0));
          const known = item.setting?.$case === 'privacy' ? item.setting.value : privacy.initial;
          const { verificationNeeded, byName, byCard } = known;
          expect({ verificationNeeded, byName, byCard }).toEqual({
            verificationNeeded: !model.open.has(each),
            byName: !model.hidden.has(`${each} name`),
            byCard: !model.hidden.has(`${each} card`),
          });
        }
        for (const { id, from, to, state } of model.requests) {
          for (const end of [from, to]) {
            const item = social.FriendRequestItem.decode(feedOf(end, store).get(`friend-request.${id}`)!);
            expect(social.FriendRequestItem_RequestState[item.state]).toBe(state);
          }
        }
      }),
      { numRuns: RUNS },
    );
  }, 60_000);
});
