import { messaging, type sync } from '@magpie/contracts';
import { DomainError } from '@magpie/domain';

type Inner = NonNullable<sync.Item['item']>;
type Changes = Omit<messaging.EditConversationRequest, 'peer' | 'commandId'> & { clearedPosition?: number };

/** The rest of chat, as far as tests need it: receipts, settings, deletions, recalls and typing between two; groups by name. */
export class SimulatedChat {
  /** Every command that arrived, by its number, with what it said. */
  readonly commands: { readonly command: number; readonly user: string; readonly request: unknown }[] = [];
  readonly #settings = new Map<string, messaging.ConversationSetting>();
  readonly #receipts = new Map<string, number>();
  /** Refuses every mark of what was read. */
  refuse = false;
  readonly groups = new Map<string, messaging.Group>();

  constructor(
    private readonly log: readonly messaging.Message[],
    private readonly deliver: (user: string, item: Inner) => void,
    private readonly tell: (user: string, item: Inner) => void,
  ) {}

  /** The answer; undefined when the command is not about chat. */
  serve(command: number, user: string, body: Uint8Array): Uint8Array | undefined {
    const take = <T>(codec: { decode(body: Uint8Array): T }): T => {
      const request = codec.decode(body);
      this.commands.push({ command, user, request });
      return request;
    };
    const nothing = new Uint8Array();
    switch (command) {
      case 251: {
        const { peer, position } = take(messaging.MarkReadRequest);
        if (this.refuse) throw new DomainError('forbidden', 'NOT_A_MEMBER', 'not a member of the group');
        this.#markRead(user, peer, position);
        return nothing;
      }
      case 402: {
        const { peer, typing } = take(messaging.SendTypingRequest);
        this.tell(peer, { $case: 'typing', value: { peer: user, userId: user, typing } });
        return nothing;
      }
      case 403: {
        const { peer, messageIds } = take(messaging.DeleteMessagesRequest);
        for (const messageId of messageIds) {
          const { position } = this.#message(messageId);
          this.deliver(user, { $case: 'deletion', value: { peer, messageId, position } });
        }
        return nothing;
      }
      case 404: {
        const { peer, position } = take(messaging.ClearConversationRequest);
        this.#set(user, peer, { clearedPosition: position });
        return nothing;
      }
      case 405: {
        const { peer, commandId: _id, ...changes } = take(messaging.EditConversationRequest);
        const setting = this.#set(user, peer, changes);
        return messaging.EditConversationResponse.encode({ setting }).finish();
      }
      case 594: {
        const { messageId } = take(messaging.RecallMessageRequest);
        const { position, from, to } = this.#message(messageId);
        for (const [reader, peer] of [
          [from, to],
          [to, from],
        ] as const) {
          this.deliver(reader, { $case: 'recall', value: { peer, messageId, position, by: user } });
        }
        return nothing;
      }
      case 311: {
        const { groupId } = take(messaging.GetGroupRequest);
        const group = this.groups.get(groupId);
        if (group === undefined) throw new DomainError('forbidden', 'NOT_A_MEMBER', 'not a member of the group');
        return messaging.GetGroupResponse.encode({ group }).finish();
      }
      case 310:
        take(messaging.LeaveGroupRequest);
        return nothing;
      default:
        return undefined;
    }
  }

  #message(messageId: string): messaging.Message {
    const found = this.log.find((message) => message.messageId === messageId);
    if (found === undefined) throw new DomainError('not-found', 'NOT_FOUND', 'no such message');
    return found;
  }

  #set(user: string, peer: string, changes: Changes): messaging.ConversationSetting {
    const was = this.#settings.get(`${user} ${peer}`) ?? messaging.ConversationSetting.fromPartial({ peer });
    const given = Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));
    const setting = { ...was, ...given, peer, version: was.version + 1 };
    this.#settings.set(`${user} ${peer}`, setting);
    this.deliver(user, { $case: 'setting', value: { setting: { $case: 'conversation', value: setting } } });
    return setting;
  }

  #markRead(user: string, peer: string, position: number): void {
    const key = `${user} ${peer}`;
    if ((this.#receipts.get(key) ?? 0) >= position) return;
    this.#receipts.set(key, position);
    const receipt = { reader: user, readPosition: position, deliveredPosition: 0 };
    this.deliver(user, { $case: 'receipt', value: { ...receipt, peer } });
    this.deliver(peer, { $case: 'receipt', value: { ...receipt, peer: user } });
  }
}
