import { randomBytes } from 'node:crypto';
import { social } from '@magpie/contracts';
import { ANSWER_FRIEND_REQUEST, DELETE_FRIEND, REQUEST_FRIEND } from '../device/commands.js';
import { Witness, type Addresses, type Observer } from '../device/index.js';
import { Errands } from './errands.js';
import type { LoadUser } from './trial.js';
import { becomes } from './wait.js';

const PAIRS = 2;
/** Between one change of a pair and the next. */
const TURN_MS = 1_000;
const TOLD_WITHIN_MS = 15_000;
const { FRIEND, DELETED } = social.Contact_State;

/** Two who become friends and end it, again and again. */
interface Pair {
  readonly asker: LoadUser;
  readonly asked: LoadUser;
  /** As the last command was answered; undefined = they have never been friends. */
  state: social.Contact_State | undefined;
}

/** Users besides those who write, whose devices have to show in the end what became of their friendships. */
export class Friendships {
  private errands = new Errands();
  private turns: Promise<void>[] = [];
  private ended = true;

  private constructor(private readonly pairs: readonly Pair[]) {}

  /** Registers the users, the first of each pair with two devices. `name`: what their names begin with. */
  static async signIn(at: Addresses, observer: Observer, name: string): Promise<Friendships> {
    const signUp = async (userName: string): Promise<LoadUser> => {
      const device = await Witness.register(at, observer, userName);
      return { userId: device.userId, devices: [device] };
    };
    const pairs = Array.from({ length: PAIRS }, async (_, index) => {
      const [asker, asked] = [await signUp(`${name}-a${index}`), await signUp(`${name}-b${index}`)];
      const second = await Witness.login(at, observer, `${name}-a${index}`, 2);
      return { asker: { ...asker, devices: [...asker.devices, second] }, asked, state: undefined };
    });
    return new Friendships(await Promise.all(pairs));
  }

  get devices(): readonly Witness[] {
    return this.pairs.flatMap(({ asker, asked }) => [...asker.devices, ...asked.devices]);
  }

  begin(): void {
    this.ended = false;
    this.errands = new Errands();
    this.turns = this.pairs.map((pair) => this.takeTurns(pair, this.errands));
  }

  end(): void {
    this.ended = true;
  }

  /** Waits for the commands under way, and until every device knows; answers what went wrong. */
  async settle(withinMs: number): Promise<readonly string[]> {
    await this.errands.settle(Promise.all(this.turns), withinMs);
    const { wrong, unresolved } = this.errands;
    const others = [...wrong, ...(unresolved > 0 ? [`${unresolved} commands of friends without an answer`] : [])];
    if (others.length > 0) return others;
    await becomes(() => this.untold() === 0, TOLD_WITHIN_MS);
    return this.untold() > 0 ? [`${this.untold()} devices show another friendship than was answered`] : [];
  }

  private untold(): number {
    return this.pairs.flatMap(({ asker, asked, state }) => [
      ...asker.devices.filter(({ states }) => states.contacts.get(asked.userId)?.state !== state),
      ...asked.devices.filter(({ states }) => states.contacts.get(asker.userId)?.state !== state),
    ]).length;
  }

  private async takeTurns(pair: Pair, errands: Errands): Promise<void> {
    while (!this.ended) {
      const state = pair.state === FRIEND ? await end(pair, errands) : await make(pair, errands);
      if (state === undefined) return;
      pair.state = state;
      await new Promise((resolve) => setTimeout(resolve, TURN_MS));
    }
  }
}

/** Asks and accepts; undefined = it was not answered as it should be. */
async function make({ asker, asked }: Pair, errands: Errands): Promise<social.Contact_State | undefined> {
  const asking = social.RequestFriendRequest.fromPartial({ userId: asked.userId, commandId: newId() });
  const request = social.RequestFriendRequest.encode(asking).finish();
  const answer = await errands.run('RequestFriend', () => asker.devices[0]!.call(REQUEST_FRIEND, request));
  if (answer === undefined) return undefined;
  const { requestId } = social.RequestFriendResponse.decode(answer);
  const accepting = { requestId, accept: true, reason: '', commandId: newId() };
  const acceptance = social.AnswerFriendRequestRequest.encode(accepting).finish();
  const accepted = await errands.run('AnswerFriendRequest', () =>
    asked.devices[0]!.call(ANSWER_FRIEND_REQUEST, acceptance),
  );
  return accepted && FRIEND;
}

/** Both take the other from their lists. */
async function end({ asker, asked }: Pair, errands: Errands): Promise<social.Contact_State | undefined> {
  for (const [user, { userId }] of [
    [asker, asked],
    [asked, asker],
  ] as const) {
    const request = social.DeleteFriendRequest.encode({ userId, commandId: newId() }).finish();
    const answer = await errands.run('DeleteFriend', () => user.devices[0]!.call(DELETE_FRIEND, request));
    if (answer === undefined) return undefined;
  }
  return DELETED;
}

const newId = (): string => randomBytes(12).toString('hex');
