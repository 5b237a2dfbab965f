import { social } from '@magpie/contracts';
import { DomainError } from '@magpie/domain';
import { PROFILE } from '../device/commands.js';
import { DeviceSession } from '../device/device-session.js';
import type { Addresses, Witness } from '../device/index.js';
import { Errands } from './errands.js';

const EVERY_MS = 1_000;
const RETRY_MS = 300;
const VISIBLE_WITHIN_MS = 30_000;

/** What became of the people who signed up meanwhile. */
export interface SignUpResult {
  readonly signedUp: number;
  /** Without an answer in the end. */
  readonly unresolved: number;
  /** Signed up, meanwhile or before, yet others do not find their profile. */
  readonly invisible: number;
  /** What they were told that they should not have been. */
  readonly wrong: readonly string[];
}

/** People who sign up and log in on a second device while the load runs, trying again with the same ids. */
export class SignUps {
  private readonly people: Promise<string | undefined>[] = [];
  private readonly errands = new Errands();
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly at: Addresses,
    private readonly prefix: string,
  ) {}

  begin(): void {
    this.timer = setInterval(() => {
      this.people.push(this.signUp(`${this.prefix}-${this.people.length}`));
    }, EVERY_MS);
  }

  end(): void {
    clearInterval(this.timer);
  }

  /** Waits for all, and then until `asker` finds everybody's profile, also those of whoever signed up `before`. */
  async settle(resolveWithinMs: number, asker: Witness, before: Iterable<string> = []): Promise<SignUpResult> {
    const people = await this.errands.settle(Promise.all(this.people), resolveWithinMs);
    const signedUp = people.filter((userId) => userId !== undefined);
    let unseen = [...new Set([...before, ...signedUp])];
    for (const until = performance.now() + VISIBLE_WITHIN_MS; unseen.length > 0 && performance.now() < until;) {
      const seen = await Promise.all(unseen.map((userId) => isFound(asker, userId)));
      unseen = unseen.filter((_, index) => !seen[index]);
      if (unseen.length > 0) await sleep(RETRY_MS);
    }
    const { unresolved, wrong } = this.errands;
    return { signedUp: signedUp.length, unresolved, invisible: unseen.length, wrong };
  }

  private async signUp(userName: string): Promise<string | undefined> {
    const { http } = this.at;
    const register = () => DeviceSession.register(http, { userName, nth: 1 });
    const first = await this.errands.run(`${userName} registers`, register);
    if (first === undefined) return undefined;
    const login = () => DeviceSession.login(http, { userName, nth: 2 }, `login-${userName}`);
    const second = await this.errands.run(`${userName} logs in`, login);
    if (second !== undefined && second.userId !== first.userId)
      this.errands.wrong.push(`${userName} became somebody else`);
    return first.userId;
  }
}

async function isFound(asker: Witness, userId: string): Promise<boolean> {
  try {
    const body = await asker.call(PROFILE, social.GetProfileRequest.encode({ userId }).finish());
    return social.GetProfileResponse.decode(body).profile?.userId === userId;
  } catch (error) {
    if (error instanceof DomainError) return false;
    throw error;
  }
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
