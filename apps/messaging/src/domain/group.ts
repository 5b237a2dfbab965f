import type { GroupCommand } from './group-command.js';
import { add, answer, create, dissolve, join, leave, remove } from './group-members.js';
import { editMember, mute, setAdmin, transfer, update } from './group-settings.js';
import { evolveGroup, type GroupEvent, type GroupState } from './group-state.js';

/** A group: who is in it, who runs it, what it is called. Dissolved, it refuses everything. */
export const group = {
  initial: { status: 'Absent' } as GroupState,
  snapshots: 1,
  // Each change holds the whole group: up to 20 KB.
  snapshotEvery: 16,
  /** None, or a change and perhaps the tip that tells of it. */
  decide(state: GroupState, command: GroupCommand): readonly GroupEvent[] {
    switch (command.type) {
      case 'Create':
        return create(state, command);
      case 'Add':
        return add(state, command);
      case 'Join':
        return join(state, command);
      case 'Answer':
        return answer(state, command);
      case 'Remove':
        return remove(state, command);
      case 'Leave':
        return leave(state, command);
      case 'Dissolve':
        return dissolve(state, command);
      case 'Update':
        return update(state, command);
      case 'SetAdmin':
        return setAdmin(state, command);
      case 'Transfer':
        return transfer(state, command);
      case 'Mute':
        return mute(state, command);
      case 'EditMember':
        return editMember(state, command);
    }
  },
  evolve: evolveGroup,
};

/** Named so that what follows the colon is the key of its records: the conversation. */
export function groupStream(groupId: string): string {
  return `group:g.${groupId}`;
}
