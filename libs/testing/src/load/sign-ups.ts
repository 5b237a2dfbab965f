import { social } from '@magpie/contracts';
import { DomainError } from '@magpie/domain';
import { PROFILE } from '../device/commands.js';
import { DeviceSession } from '../device/device-session.js';
import type { Addresses, Witness } from '../device/index.js';

const EVERY_MS = 1_000;
const RETRY_MS = 300;
const VISIBLE_WITHIN_MS = 30_000;
/** What may pass; every other refusal of a sign-up, or of its repetition, is wrong. */
const PASSING: ReadonlySet<string> = new Set(['UNAVAILABLE', 'OVERLOADED', 'LIMITED', 'INTERNAL', 'CONFLICT']);

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
  private readonly wrong: string[] = [];
  private timer: NodeJS.Timeout | undefined;
  private gaveUp = false;
  private unresolved = 0;

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
    const timer = setTimeout(() => (this.gaveUp = true), resolveWithinMs);
    const signedUp = (await Promise.all(this.people)).filter((userId) => userId !== undefined);
    clearTimeout(timer);
    let unseen = [...new Set([...before, ...signedUp])];
    for (const until = performance.now() + VISIBLE_WITHIN_MS; unseen.length > 0 && performance.now() < until;) {
      const seen = await Promise.all(unseen.map((userId) => isFound(asker, userId)));
      unseen = unseen.filter((_, index) => !seen[index]);
      if (unseen.length > 0) await sleep(RETRY_MS);
    }
    const { unresolved, wrong } = this;
    return { signedUp: signedUp.length, unresolved, invisible: unseen.length, wrong };
  }

  private async signUp(userName: string): Promise<string | undefined> {
    const { http } = this.at;
    const first = await this.persist(() => DeviceSession.register(http, { userName, nth: 1 }), `${userName} registers`);
    if (first === undefined) return undefined;
    const login = () => DeviceSession.login(http, { userName, nth: 2 }, `login-${userName}`);
    const second = await this.persist(login, `${userName} logs in`);
    if (second !== undefined && second.userId !== first.userId) this.wrong.push(`${userName} became somebody else`);
    return first.userId;
  }

  private async persist<T>(attempt: () => Promise<T>, what: string): Promise<T | undefined> {
    while (!this.gaveUp) {
      try {
        return await attempt();
      } catch (error) {
        if (!(error instanceof DomainError)) throw error;
        if (!PASSING.has(error.code)) {
          this.wrong.push(`${what}: ${error.code} ${error.message}`);
          return undefined;
        }
        await sleep(RETRY_MS);
      }
    }
    this.unresolved++;
    return undefined;
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
