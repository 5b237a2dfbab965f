import { messaging, type CommandInfo } from '@magpie/contracts';

const command = (id: number, name: string): CommandInfo => ({
  access: 'CLIENT',
  id,
  name,
  auth: 'SESSION',
  route: 'ANY',
});

/** Commands whose rpc is still to be taken into the service. */
export const COMING: Readonly<Record<string, CommandInfo>> = {
  SendTyping: command(402, 'typing'),
};

interface Codec<T> {
  fromPartial(partial: Partial<T>): T;
  encode(message: T): { finish(): Uint8Array };
  decode(body: Uint8Array): T;
}

const rpc = <Request, Response>(name: string, requestType: Codec<Request>, responseType: Codec<Response>) => ({
  name,
  requestType,
  responseType,
});

const METHODS_COMING = {
  sendTyping: rpc('SendTyping', messaging.SendTypingRequest, messaging.SendTypingResponse),
};

/** The messaging service with all of its commands, those that are coming included. */
export const CHAT = {
  fullName: messaging.MessagingServiceDefinition.fullName,
  methods: { ...METHODS_COMING, ...messaging.MessagingServiceDefinition.methods },
} as const;
