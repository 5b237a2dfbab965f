import type { messaging } from '@magpie/contracts';
import type { Caller } from '@magpie/grpc';
import type { MarkRead } from '../commands/mark-read.js';

export interface StateOperations {
  readonly markRead: MarkRead;
}

/** The part of `magpie.messaging.v1.MessagingService` that is about what is kept of conversations besides messages. */
export class StatesController {
  constructor(private readonly operations: StateOperations) {}

  readonly markRead = async (
    request: messaging.MarkReadRequest,
    caller: Caller,
  ): Promise<messaging.MarkReadResponse> => {
    await this.operations.markRead.execute(caller.userId, request);
    return {};
  };
}
