import type { messaging } from '@magpie/contracts';
import type { Caller } from '@magpie/grpc';
import type { ClearConversation } from '../commands/clear-conversation.js';
import type { DeleteMessages } from '../commands/delete-messages.js';
import type { EditConversation } from '../commands/edit-conversation.js';
import type { MarkDelivered } from '../commands/mark-delivered.js';
import type { MarkRead } from '../commands/mark-read.js';
import type { SendTyping } from '../commands/send-typing.js';

export interface StateOperations {
  readonly markRead: MarkRead;
  readonly deleteMessages: DeleteMessages;
  readonly clearConversation: ClearConversation;
  readonly editConversation: EditConversation;
  readonly markDelivered: MarkDelivered;
  readonly sendTyping: SendTyping;
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

  readonly deleteMessages = async (
    request: messaging.DeleteMessagesRequest,
    caller: Caller,
  ): Promise<messaging.DeleteMessagesResponse> => {
    await this.operations.deleteMessages.execute(caller.userId, request);
    return {};
  };

  readonly clearConversation = async (
    request: messaging.ClearConversationRequest,
    caller: Caller,
  ): Promise<messaging.ClearConversationResponse> => {
    await this.operations.clearConversation.execute(caller.userId, request);
    return {};
  };

  readonly editConversation = async (
    request: messaging.EditConversationRequest,
    caller: Caller,
  ): Promise<messaging.EditConversationResponse> => ({
    setting: await this.operations.editConversation.execute(caller, request),
  });

  readonly markDelivered = async ({
    marks,
  }: messaging.MarkDeliveredRequest): Promise<messaging.MarkDeliveredResponse> => {
    await this.operations.markDelivered.execute(marks);
    return {};
  };

  readonly sendTyping = async (
    request: messaging.SendTypingRequest,
    caller: Caller,
  ): Promise<messaging.SendTypingResponse> => {
    await this.operations.sendTyping.execute(caller, request);
    return {};
  };
}
