import type { messaging } from '@magpie/contracts';
import { DomainError, requireAscii } from '@magpie/domain';
import { ID_LENGTH_MAX } from '@magpie/domain/ids';
import type { EventStore } from '@magpie/event-store';
import { requireCommandId } from '../domain/group-input.js';
import { refusal, requireGroupId } from '../domain/group-state.js';
import { joinRequest, joinRequestStream } from '../domain/join-request.js';
import type { Asking, ChangeGroup } from './change-group.js';

/** Lets somebody into a group who waits, or does not. */
export class AnswerJoinRequest {
  constructor(
    private readonly groups: ChangeGroup,
    private readonly store: EventStore,
  ) {}

  /**
   * The same answer again is fine. Throws INVALID, NO_SUCH_PEER, EXPIRED (dissolved; came in otherwise), NOT_A_MEMBER,
   * FORBIDDEN (neither owner nor admin), NOT_FOUND, CONFLICT (answered otherwise before), LIMITED (the group is full),
   * IDEMPOTENCY_MISMATCH, UNAVAILABLE.
   */
  async execute({ by, now }: Asking, request: messaging.AnswerJoinRequestRequest): Promise<void> {
    const { accept } = request;
    const groupId = requireGroupId(request.groupId);
    const requestId = requireAscii('request_id', request.requestId, { min: 1, max: ID_LENGTH_MAX });
    const commandId = requireCommandId(request.commandId);
    const [asked, body] = [[requestId, accept], { requestId, accept }];
    try {
      await this.groups.execute({ type: 'Answer', groupId, by, commandId, now, asked, body });
    } catch (error) {
      if (!(error instanceof DomainError) || error.code !== 'NOT_FOUND') throw error;
      await this.#requireSaid(groupId, requestId, accept, error);
    }
  }

  /** It does not wait: what became of it? */
  async #requireSaid(groupId: string, requestId: string, accept: boolean, unknown: DomainError): Promise<void> {
    const { state } = await this.store.load(joinRequestStream(requestId), joinRequest);
    if (state.status === 'Absent' || state.request.groupId !== groupId) throw unknown;
    const { state: became } = state.request;
    if (became === 'WITHDRAWN') throw refusal('gone', 'EXPIRED', 'request_id', 'who waited came in otherwise');
    if (became === (accept ? 'ACCEPTED' : 'REFUSED')) return;
    throw refusal('conflict', 'CONFLICT', 'request_id', `was ${became.toLowerCase()} already`);
  }
}
