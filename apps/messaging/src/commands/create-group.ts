import type { messaging } from '@magpie/contracts';
import { deriveId } from '@magpie/domain/ids';
import type { MayAdd } from '../clients/may-add.client.js';
import { requireCommandId, requireGroupName, requireMembers } from '../domain/group-input.js';
import { refusal } from '../domain/group-state.js';
import { GROUP_LIMITS } from '../domain/limits.js';
import { joinedGroup } from '../publish.js';
import type { Asking, ChangeGroup } from './change-group.js';

/** Makes a group; the caller owns it. */
export class CreateGroup {
  constructor(
    private readonly groups: ChangeGroup,
    private readonly mayAdd: MayAdd,
  ) {}

  /**
   * All or none are in it. Throws INVALID, TOO_LARGE, IDEMPOTENCY_MISMATCH, UNAVAILABLE, and naming the first member who
   * may not be added NO_SUCH_PEER, NOT_FRIENDS, BLOCKED.
   */
  async execute({ by, now, requestId }: Asking, request: messaging.CreateGroupRequest): Promise<messaging.Group> {
    const name = requireGroupName(request.name);
    const members = requireMembers(request.members, by, { min: 1, max: GROUP_LIMITS.membersMax - 1 });
    const commandId = requireCommandId(request.commandId);
    const groupId = deriveId('g', by, commandId);
    const body = async () => {
      const refused = await this.mayAdd.refused(by, members, requestId);
      const [first] = refused;
      if (first) throw refusalOf(request.members.indexOf(first[0]), first[1]);
      return { groupId, name, members };
    };
    const asked = [name, ...members];
    const { change, number } = await this.groups.execute({ type: 'Create', groupId, by, commandId, now, asked, body });
    return joinedGroup(change!.data.group, number);
  }
}

const REASONS = {
  NO_SUCH_PEER: 'there is no such user',
  NOT_FRIENDS: 'the two of you are not friends',
  BLOCKED: 'one of you blocks the other',
} as const;

function refusalOf(index: number, code: keyof typeof REASONS) {
  return refusal(code === 'NO_SUCH_PEER' ? 'not-found' : 'forbidden', code, `members[${index}]`, REASONS[code]);
}
