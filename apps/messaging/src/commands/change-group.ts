import { DomainError } from '@magpie/domain';
import { commandIdOf, deriveId } from '@magpie/domain/ids';
import { CONFLICT_RETRIES_MAX, type Commit, type EventStore, type StreamCommand } from '@magpie/event-store';
import { crashPoint } from '@magpie/observability';
import { group, groupStream } from '../domain/group.js';
import type { CommandTypes, GroupCommand } from '../domain/group-command.js';
import type { GroupChange, GroupEvent, GroupState, JoinRequest } from '../domain/group-state.js';
import { joinRequest, joinRequestStream, type JoinRequestState } from '../domain/join-request.js';
import { GROUP_LIMITS } from '../domain/limits.js';

/** Who asks, and when. */
export interface Asking {
  readonly by: string;
  readonly now: number;
  readonly requestId: string;
}

/** A command of a group as it came. */
export interface GroupRequest<T extends keyof CommandTypes> {
  readonly type: T;
  readonly groupId: string;
  readonly by: string;
  /** Of the client. */
  readonly commandId: string;
  readonly now: number;
  /** All that the client asked for, by which another request under the same command id is known. */
  readonly asked: readonly unknown[];
  /** Only called when the command is not a repeat. */
  readonly body: CommandTypes[T] | (() => Promise<CommandTypes[T]>);
}

/** What a command has caused: none when all was so already; `number` of its commit. */
export interface Changed {
  readonly change: GroupChange | undefined;
  readonly number: number;
}

type Planned = readonly GroupEvent[];

/**
 * Commands of groups. A group decides alone, also on the requests to be let in, whose own streams follow it in the same
 * transaction. Answers only when the record of the change is in the log, also to a repeat.
 */
export class ChangeGroup {
  constructor(private readonly store: EventStore) {}

  /**
   * Throws what the group refuses with (see domain/group.ts), IDEMPOTENCY_MISMATCH, CONFLICT, and UNAVAILABLE when it is
   * not known to be in the log in time: the same command again answers then.
   */
  async execute<T extends keyof CommandTypes>(request: GroupRequest<T>): Promise<Changed> {
    const { type, groupId, by, now } = request;
    const commandId = commandIdOf(type, by, request.commandId);
    const asked = deriveId('s', JSON.stringify(request.asked));
    const known = await this.store.findCommand(groupStream(groupId), commandId);
    if (known) return this.#answer(known, asked);
    const body = typeof request.body === 'function' ? await request.body() : request.body;
    const command = { type, by, now, commandId: request.commandId, asked, ...body } as GroupCommand;
    return this.#answer(await this.#commit(groupId, commandId, command), asked);
  }

  async #answer(commit: Commit, asked: string): Promise<Changed> {
    crashPoint('group.after-commit');
    const [change] = commit.events as readonly GroupChange[];
    if (change && change.data.asked !== asked) throw mismatch();
    await this.store.awaitPublished([commit], GROUP_LIMITS.publishedWithinMs);
    return { change, number: commit.number };
  }

  /** Which requests' streams are touched depends on the group: on a newer state it is planned anew. */
  async #commit(groupId: string, commandId: string, command: GroupCommand): Promise<Commit> {
    const stream = groupStream(groupId);
    for (let attempt = 0; ; attempt++) {
      const { state } = await this.store.load(stream, group);
      try {
        const planned = group.decide(state, command);
        const streams = [groupOf(stream, command, planned), ...requestsIn(planned).map(requestOf)];
        const { commits } = await this.store.executeMany({ commandId, now: command.now, streams });
        return commits.find((commit) => commit.stream === stream)!;
      } catch (error) {
        // What the plan was made on may hold what a copy of this very command has done meanwhile.
        const known = await this.store.findCommand(stream, commandId);
        if (known) return known;
        if (!(error instanceof PlanOutdated) || attempt === CONFLICT_RETRIES_MAX) throw error;
      }
    }
  }
}

/** CONFLICT: the group has changed since the plan was made; another plan is due. */
class PlanOutdated extends DomainError {
  constructor() {
    super('conflict', 'CONFLICT', 'others change the same group at this moment', { retryAfterMs: 100 });
  }
}

function groupOf(stream: string, command: GroupCommand, planned: Planned): StreamCommand<unknown> {
  const one: StreamCommand<GroupState> = {
    ...{ stream, fold: group, apart: true },
    decide: (state) => {
      const decided = group.decide(state, command);
      if (JSON.stringify(requestsIn(decided)) !== JSON.stringify(requestsIn(planned))) throw new PlanOutdated();
      return decided;
    },
  };
  return one as StreamCommand<unknown>;
}

function requestOf(data: JoinRequest): StreamCommand<unknown> {
  const one: StreamCommand<JoinRequestState> = {
    ...{ stream: joinRequestStream(data.requestId), fold: joinRequest },
    decide: () => [{ type: 'JoinRequestChanged', version: 1, data }],
  };
  return one as StreamCommand<unknown>;
}

function requestsIn(events: Planned): readonly JoinRequest[] {
  const [change] = events;
  return change === undefined || change.type === 'TipMade' ? [] : change.data.requests;
}

function mismatch(): DomainError {
  const reason = 'was used with another request';
  const details = [{ field: 'command_id', reason }];
  return new DomainError('conflict', 'IDEMPOTENCY_MISMATCH', `command_id: ${reason}`, { details });
}
