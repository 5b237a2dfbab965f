import { createECDH, randomBytes } from 'node:crypto';
import { auth, messaging, sync } from '@magpie/contracts';
import { postCommand } from '@magpie/testing';

import type { Rig } from '../rig.js';

const PASSWORD = 'correct horse battery';
/** Resolved by nobody (RFC 6761): a push there is tried again and again. */
const ENDPOINT = 'https://push.invalid/p';

/** Writes to somebody whose device is registered for push and not online: in a moment it is called. */
export async function callSomebody(rig: Rig): Promise<void> {
  const http = rig.doors[0]!.http;
  const [reader, author] = [await signUp(http), await signUp(http)];
  const keys = createECDH('prime256v1');
  const p256dh = keys.generateKeys('base64url');
  const subscription = { endpoint: ENDPOINT, p256dh, auth: randomBytes(16).toString('base64url') };
  const registration = { provider: sync.PushProvider.WEB_PUSH, subscription, commandId: 'c1' };
  const register = sync.RegisterPushRequest.encode(sync.RegisterPushRequest.fromPartial(registration)).finish();
  await postCommand(http, { name: 'registerpush' }, register, reader.accessToken);
  const content = { content: { $case: 'text', value: { text: 'are you there?' } } } as const;
  const message = { clientId: 'c1', clientTimeMs: Date.now(), to: reader.userId, content };
  const request = messaging.SendMessagesRequest.fromPartial({ messages: [message] });
  const sending = messaging.SendMessagesRequest.encode(request).finish();
  await postCommand(http, { name: 'newsendmsg' }, sending, author.accessToken);
}

async function signUp(http: string): Promise<auth.Session> {
  const name = `p${randomBytes(6).toString('hex')}`;
  const device = { deviceId: `device-${name}`, name: 'phone', platform: auth.Platform.WEB };
  const request = { userName: name, password: PASSWORD, nickname: name, device, commandId: name };
  const answer = await postCommand(http, { name: 'newreg' }, auth.RegisterRequest.encode(request).finish());
  const { session } = auth.RegisterResponse.decode(answer);
  if (session === undefined) throw new Error('a sign-up gave no session');
  return session;
}
