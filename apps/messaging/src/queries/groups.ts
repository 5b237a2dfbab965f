import type { messaging } from '@magpie/contracts';
import type { EventStore } from '@magpie/event-store';
import { group, groupStream } from '../domain/group.js';
import { requireGroupId, requireMember, type GroupState } from '../domain/group-state.js';
import { joinedGroup } from '../publish.js';

/** Groups as the log has them: what is committed and not published yet is not in it. */
export class Groups {
  constructor(private readonly store: EventStore) {}

  /** As of the last change whose record is in the log, asked of the store each time. Throws UNAVAILABLE. */
  async published(groupId: string): Promise<GroupState> {
    return (await this.store.loadPublished(groupStream(groupId), group)).state;
  }

  /** For its members. Throws INVALID, NO_SUCH_PEER, EXPIRED (dissolved), NOT_A_MEMBER. */
  async get(userId: string, groupId: string): Promise<messaging.Group> {
    const state = await this.published(requireGroupId(groupId));
    const found = requireMember(state, userId);
    return joinedGroup(found, versionOf(state));
  }
}

function versionOf(state: GroupState): number {
  return state.status === 'Absent' ? 0 : state.version;
}
