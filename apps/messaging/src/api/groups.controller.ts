import type { messaging } from '@magpie/contracts';
import type { Caller } from '@magpie/grpc';
import type { Asking } from '../commands/change-group.js';
import type { CreateGroup } from '../commands/create-group.js';
import type { Groups } from '../queries/groups.js';

/** What requests about groups are passed on to. */
export interface GroupOperations {
  readonly create: CreateGroup;
  readonly groups: Groups;
  /** Ms since 1970. */
  readonly clock: () => number;
}

/** The part of `magpie.messaging.v1.MessagingService` that is about groups. */
export class GroupsController {
  constructor(private readonly operations: GroupOperations) {}

  async createGroup(request: messaging.CreateGroupRequest, caller: Caller): Promise<messaging.CreateGroupResponse> {
    return { group: await this.operations.create.execute(this.#asking(caller), request) };
  }

  async getGroup({ groupId }: messaging.GetGroupRequest, caller: Caller): Promise<messaging.GetGroupResponse> {
    return { group: await this.operations.groups.get(caller.userId, groupId) };
  }

  #asking({ userId: by, requestId }: Caller): Asking {
    return { by, requestId, now: this.operations.clock() };
  }
}
