import type { DomainError } from '@magpie/domain';
import { RIGHTS_KEPT_MS } from '../clients/rights.client.js';
import type { PublishedGroups } from '../commands/recall-message.js';
import type { GroupRights, GroupMessage } from '../commands/send-messages.js';
import type { Mates } from '../commands/send-typing.js';
import type { GroupState } from '../domain/group-state.js';
import { writingRefusal } from '../domain/group-writing.js';

/** How many groups are remembered, of up to 20 KB each; the oldest go first. */
const REMEMBERED_MAX = 1_000;

/** Stands for any message. */
const ANY = '';

interface Remembered {
  /** Ms of the process. */
  readonly askedAt: number;
  readonly state: Promise<GroupState>;
}

/** Who may write into a group, as the store says of what is published: a yes may be `RIGHTS_KEPT_MS` old, a no never is. */
export class PublishedRights implements GroupRights, Mates {
  readonly #known = new Map<string, Remembered>();

  constructor(
    private readonly groups: PublishedGroups,
    private readonly clock: () => number = Date.now,
    private readonly now: () => number = () => performance.now(),
  ) {}

  async refusalsOf(
    from: string,
    groupId: string,
    messages: readonly GroupMessage[],
  ): Promise<ReadonlyMap<string, DomainError>> {
    const known = this.#known.get(groupId);
    if (known !== undefined && this.now() - known.askedAt < RIGHTS_KEPT_MS) {
      const refusals = this.#refusalsIn(await known.state, from, messages);
      if (refusals.size === 0) return refusals;
    }
    return this.#refusalsIn(await this.#ask(groupId), from, messages);
  }

  async matesOf(from: string, groupId: string): Promise<readonly string[]> {
    const refusals = await this.refusalsOf(from, groupId, [{ messageId: ANY, mentions: [] }]);
    const refusal = refusals.get(ANY);
    if (refusal !== undefined) throw refusal;
    // What was just asked for is remembered.
    const state = await (this.#known.get(groupId)?.state ?? this.#ask(groupId));
    return state.status === 'Active' ? state.group.members.filter((member) => member !== from) : [];
  }

  #ask(groupId: string): Promise<GroupState> {
    const askedAt = this.now();
    const state = this.groups.published(groupId);
    const remembered = { askedAt, state };
    this.#known.delete(groupId);
    if (this.#known.size >= REMEMBERED_MAX) this.#known.delete(this.#known.keys().next().value!);
    this.#known.set(groupId, remembered);
    state.catch(() => {
      if (this.#known.get(groupId) === remembered) this.#known.delete(groupId);
    });
    return state;
  }

  #refusalsIn(state: GroupState, from: string, messages: readonly GroupMessage[]): ReadonlyMap<string, DomainError> {
    const now = this.clock();
    return new Map(
      messages.flatMap(({ messageId, mentions }) => {
        const refused = writingRefusal(state, from, mentions, now);
        return refused === undefined ? [] : [[messageId, refused] as const];
      }),
    );
  }
}
