import fc from 'fast-check';
import { EVENTS, messaging as contract, renderFor } from '@magpie/contracts';
import { DomainError } from '@magpie/domain';
import { foldCommits, type Commit } from '@magpie/event-store';
import { group, groupStream } from '../src/domain/group.js';
import type { CommandTypes, GroupCommand } from '../src/domain/group-command.js';
import { mutedUntil, type GroupChange, type GroupEvent, type GroupState } from '../src/domain/group-state.js';
import { GROUP_LIMITS } from '../src/domain/limits.js';
import { publish } from '../src/publish.js';
import { GroupModel, type Step } from './group-model.js';

const CHANGED = 'magpie.messaging.v1.GroupChanged';
const USERS = ['ua', 'ub', 'uc'];
const OWNER = 'uowner';
const FIRST = ['uf', 'ug'];
const STEPS = { minLength: 1, maxLength: 60, size: 'max' } as const;
const RUNS = 200;
const EVERYBODY = [OWNER, ...FIRST, ...USERS];

const anybody = fc.constantFrom(...EVERYBODY);
/** The owner and the first two mostly, or hardly anything would be allowed. */
const actor = fc.oneof({ weight: 2, arbitrary: fc.constantFrom(OWNER, ...FIRST) }, { weight: 1, arbitrary: anybody });
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ type: fc.constant('add'), by: actor, users: fc.uniqueArray(anybody, { minLength: 1, maxLength: 3 }) }),
  fc.record({ type: fc.constant('join'), by: anybody, invitedBy: actor }),
  fc.record({ type: fc.constant('answer'), by: actor, userId: anybody, accept: fc.boolean() }),
  fc.record({ type: fc.constantFrom('remove', 'transfer'), by: actor, userId: anybody }),
  fc.record({ type: fc.constant('leave'), by: anybody }),
  fc.record({ type: fc.constant('approval'), by: actor, needed: fc.boolean() }),
  fc.record({ type: fc.constant('admin'), by: actor, userId: anybody, admin: fc.boolean() }),
  fc.record({ type: fc.constant('mute'), by: actor, userId: anybody, ms: fc.constantFrom(0, 5, 500) }),
  fc.record({ type: fc.constant('wait'), ms: fc.constantFrom(3, 300) }),
  fc.record({ type: fc.constant('dissolve'), by: fc.constantFrom(...USERS, ...FIRST) }),
) as fc.Arbitrary<Step>;

/** A group's stream as the store would keep it, beside the model. */
class Run {
  readonly commits: Commit[] = [];
  readonly model = new GroupModel(OWNER, FIRST);
  now = 1_790_000_000_000;

  constructor() {
    this.#does(OWNER, 'Create', { groupId: 'g1', name: 'n', members: FIRST });
  }

  get state(): GroupState {
    return foldCommits(group, this.commits).state;
  }

  take(step: Step): void {
    this.now += step.type === 'wait' ? step.ms : 1;
    const before = this.commits.length;
    const code = codeOf(() => this.#command(step));
    expect(code).toBe(codeOf(() => this.model.take(step, this.now)));
    if (code !== 'OK') expect(this.commits).toHaveLength(before);
  }

  #command(step: Step): void {
    switch (step.type) {
      case 'wait':
        return;
      case 'add':
        return this.#does(step.by, 'Add', { members: step.users, refused: new Map() });
      case 'join':
        return this.#does(step.by, 'Join', { invitedBy: step.invitedBy });
      case 'answer': {
        const { state } = this;
        const waiting = state.status === 'Absent' ? [] : state.group.waiting;
        const requestId = waiting.find(({ userId }) => userId === step.userId)?.requestId ?? 'rnone';
        return this.#does(step.by, 'Answer', { requestId, accept: step.accept });
      }
      case 'remove':
        return this.#does(step.by, 'Remove', { userId: step.userId });
      case 'transfer':
        return this.#does(step.by, 'Transfer', { userId: step.userId });
      case 'leave':
        return this.#does(step.by, 'Leave', {});
      case 'dissolve':
        return this.#does(step.by, 'Dissolve', {});
      case 'approval':
        return this.#does(step.by, 'Update', {
          ...{ name: undefined, announcement: undefined, mutedAll: undefined },
          approvalNeeded: step.needed,
        });
      case 'admin':
        return this.#does(step.by, 'SetAdmin', { userId: step.userId, admin: step.admin });
      case 'mute':
        return this.#does(step.by, 'Mute', { userId: step.userId, durationMs: step.ms });
    }
  }

  #does<T extends keyof CommandTypes>(by: string, type: T, body: CommandTypes[T]): void {
    const given = { type, by, now: this.now, commandId: `c${this.commits.length}`, asked: 'a' };
    const events = group.decide(this.state, { ...given, ...body } as GroupCommand);
    for (const each of events.length === 0 ? [[]] : events.map((one) => [one])) this.#commit(each);
  }

  #commit(events: readonly GroupEvent[]): void {
    const number = this.commits.length + 1;
    this.commits.push({ stream: groupStream('g1'), number, commandId: `c${number}`, events, at: this.now });
  }
}

function codeOf(run: () => void): string {
  try {
    run();
    return 'OK';
  } catch (thrown) {
    if (thrown instanceof DomainError) return thrown.code;
    if (typeof thrown === 'string') return thrown;
    throw thrown;
  }
}

/** What holds whatever has happened. */
function expectSound(state: GroupState): void {
  if (state.status !== 'Active') return;
  const { owner, admins, members, waiting, nicknames } = state.group;
  expect(new Set(members).size).toBe(members.length);
  expect(members.length).toBeLessThanOrEqual(GROUP_LIMITS.membersMax);
  expect(members).toEqual(expect.arrayContaining([owner, ...admins, ...Object.keys(nicknames)]));
  expect(admins).not.toContain(owner);
  expect(waiting.filter(({ userId }) => members.includes(userId))).toEqual([]);
}

/** Joined and left by turns, and in the end a member who has not left: intervals that never overlap. */
function expectIntervals(changes: readonly contract.GroupChanged[], members: readonly string[]): void {
  const inside = new Set<string>();
  for (const { joined, left, group: told } of changes) {
    for (const each of joined) expect(inside.has(each) || !inside.add(each)).toBe(false);
    for (const each of left) expect(inside.delete(each)).toBe(true);
    expect(new Set(told!.members.map(({ userId }) => userId))).toEqual(inside);
  }
  expect(inside).toEqual(new Set(members));
}

// Goal: any sequence of commands answers and ends as the model says, is sound at each step, and what is published of it
// says the same. Real: the decider, publish.
describe('groups', () => {
  it('do what the model says, in any order', () => {
    fc.assert(
      fc.property(fc.array(step, STEPS), (steps) => {
        const run = new Run();
        for (const each of steps) {
          run.take(each);
          expectSound(run.state);
        }
        const { model, state, now } = run;
        if (state.status === 'Absent') throw new Error('there is no group');
        expect(state.status).toBe(model.isDissolved ? 'Dissolved' : 'Active');
        expect(new Set(state.group.members)).toEqual(model.members);
        expect(new Set(state.group.admins)).toEqual(model.admins);
        expect(state.group.owner).toBe(model.owner);
        expect(new Map(state.group.waiting.map((one) => [one.userId, one.invitedBy]))).toEqual(model.waiting);
        const muted = EVERYBODY.filter((userId) => mutedUntil(state.group, userId, now) > 0);
        expect(muted).toEqual(EVERYBODY.filter((userId) => model.isMuted(userId, now)));
        const events = run.commits.flatMap((commit) => publish(commit).events);
        const told = events.filter(({ type }) => type === CHANGED).map(({ body }) => EVENTS[CHANGED].decode(body));
        expectIntervals(told, state.group.members);
        expect(told.at(-1)!.group!.version).toBe(state.version);
      }),
      { numRuns: RUNS },
    );
  }, 60_000);

  it('are told without their members when those are many', () => {
    const members = Array.from({ length: GROUP_LIMITS.membersInItemMax }, (_, n) => `un${n}`);
    for (const [others, inItem] of [
      [members.slice(1), 100],
      [members, 0],
    ] as const) {
      const given = { by: OWNER, now: 1, commandId: 'c', asked: 'a', groupId: 'g1', name: 'n', members: others };
      const [event] = group.decide(group.initial, { type: 'Create', ...given }) as [GroupChange];
      const commit = { stream: groupStream('g1'), number: 1, commandId: 'c', events: [event], at: 1 };
      const [{ body, feed }] = publish(commit).events as [ReturnType<typeof publish>['events'][number]];
      const item = contract.Group.decode(renderFor('un1', feed!.body, feed!.renderings));
      expect([item.members.length, item.memberCount]).toEqual([inItem, others.length + 1]);
      expect(EVENTS[CHANGED].decode(body).group!.members).toHaveLength(others.length + 1);
    }
  });
});
