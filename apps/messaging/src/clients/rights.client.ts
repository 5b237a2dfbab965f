import { social, wire } from '@magpie/contracts';
import { DomainError } from '@magpie/domain';
import type { Peers } from '@magpie/grpc';

/** Who may write to whom. */
export interface Rights {
  /**
   * NOT_FRIENDS or BLOCKED when `from` may not write to `to`; undefined = it may. A yes may be `RIGHTS_KEPT_MS` old, a no
   * is what social says now. Throws UNAVAILABLE when that cannot be told.
   */
  refusalOf(from: string, to: string, requestId: string): Promise<DomainError | undefined>;
}

/** The same of many at once. */
export interface RightsOfMany {
  /** Those of `users` to whom `from` may not write, as social says now. Throws UNAVAILABLE when that cannot be told. */
  refusalsOf(from: string, users: readonly string[], requestId: string): Promise<ReadonlyMap<string, Refusal>>;
}

/** How long a yes is taken for granted (machinery.md §3.3). */
export const RIGHTS_KEPT_MS = 2_000;
/** How many are remembered; the oldest go first. */
const REMEMBERED_MAX = 100_000;
const ASK_TIMEOUT_MS = 2_000;
/** Pairs in one question to social (its own bound). */
const ASK_MAX = 100;

export type Refusal = 'NOT_FRIENDS' | 'BLOCKED';
const REASONS: Readonly<Record<Refusal, string>> = {
  NOT_FRIENDS: 'the two of you are not friends',
  BLOCKED: 'one of you blocks the other',
};

/** What social says, asked about each pair anew when its last yes has grown old. */
export class SocialRights implements Rights, RightsOfMany {
  /** When a yes was asked for, ms of the process; the oldest first. */
  readonly #yes = new Map<string, number>();
  readonly #client;

  constructor(
    peers: Peers,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.#client = peers.client('social', social.SocialServiceDefinition);
  }

  async refusalOf(from: string, to: string, requestId: string): Promise<DomainError | undefined> {
    const pair = `${from} ${to}`;
    const askedAt = this.now();
    if (from === to || askedAt - (this.#yes.get(pair) ?? -Infinity) < RIGHTS_KEPT_MS) return undefined;
    const request = { pairs: [{ from, to }] };
    const { verdicts } = await this.#client.judgePairs(request, { timeoutMs: ASK_TIMEOUT_MS, requestId });
    const refusal = refusalIn(verdicts[0]);
    this.#yes.delete(pair);
    if (refusal !== undefined) return refused(refusal);
    if (this.#yes.size >= REMEMBERED_MAX) this.#yes.delete(this.#yes.keys().next().value!);
    this.#yes.set(pair, askedAt);
    return undefined;
  }

  async refusalsOf(from: string, users: readonly string[], requestId: string): Promise<ReadonlyMap<string, Refusal>> {
    const refusals = new Map<string, Refusal>();
    for (let first = 0; first < users.length; first += ASK_MAX) {
      const pairs = users.slice(first, first + ASK_MAX).map((to) => ({ from, to }));
      const { verdicts } = await this.#client.judgePairs({ pairs }, { timeoutMs: ASK_TIMEOUT_MS, requestId });
      pairs.forEach(({ to }, index) => {
        const refusal = refusalIn(verdicts[index]);
        if (refusal !== undefined) refusals.set(to, refusal);
      });
    }
    return refusals;
  }
}

/** Everybody may write to everybody. */
export const NO_RIGHTS_NEEDED: Rights & RightsOfMany = {
  refusalOf: () => Promise.resolve(undefined),
  refusalsOf: () => Promise.resolve(new Map()),
};

function refusalIn(code: wire.Code | undefined): Refusal | undefined {
  if (code === wire.Code.OK) return undefined;
  if (code === wire.Code.NOT_FRIENDS) return 'NOT_FRIENDS';
  if (code === wire.Code.BLOCKED) return 'BLOCKED';
  throw new Error(`social answered ${code ?? 'nothing'}`);
}

function refused(code: Refusal): DomainError {
  const reason = REASONS[code];
  return new DomainError('forbidden', code, `to: ${reason}`, { details: [{ field: 'to', reason }] });
}
