import { collectionOf, ensureIndexes, type Collection, type Connection } from '@magpie/mongo';
import type { Registration, Target } from '../../domain/push/registration.js';
import type { PushSettings } from '../../domain/push/settings.js';

const SEPARATOR = ' ';
const SUCCESSOR = '!';

export interface DeviceDocument {
  /** User and device. */
  _id: string;
  u: string;
  d: string;
  /** Session. */
  s: string;
  t: Target;
  /** Digest of the target: a token names one device, whoever uses it. */
  h: string;
  l: string;
  at: Date;
}

export interface SettingDocument {
  /** User. */
  _id: string;
  settings: PushSettings;
  /** Command ids of the last edits. */
  edits: readonly string[];
}

export interface CallContent {
  readonly title: string;
  readonly text: string;
  readonly contentKind: string;
}

/** What one device was called for in one conversation since it saw it last, and the push that is to be made for it. */
export interface CallDocument {
  /** User, device and peer. */
  _id: string;
  u: string;
  d: string;
  p: string;
  /** Feed key of the last entry. */
  k: number;
  /** Id and position of its message. */
  m: string;
  x: number;
  /** Entries since the device saw the conversation, and those of the next push. */
  b: number;
  n: number;
  kind: 'message' | 'mention' | 'request';
  /** What is shown of the last entry; absent = only that it is there. */
  c?: CallContent;
  /** When the push is to be made, or made again; absent = there is none to be made. */
  due?: Date;
  /** When the push counts no more, and when all of it does not. */
  until: Date;
  gone: Date;
  /** No push of the same name before. */
  rest?: Date;
  tries: number;
  /** Tries of which nobody knows what became. */
  unsure: number;
  /** Names the last claim; absent = nobody's. */
  claim?: string;
}

export interface PushCollections {
  readonly devices: Collection<DeviceDocument>;
  readonly settings: Collection<SettingDocument>;
  readonly calls: Collection<CallDocument>;
}

export async function openPushCollections(connection: Connection): Promise<PushCollections> {
  const devices = collectionOf<DeviceDocument>(connection, 'state_push_device');
  const settings = collectionOf<SettingDocument>(connection, 'state_push_setting');
  const calls = collectionOf<CallDocument>(connection, 'state_push_call');
  await ensureIndexes(devices, [{ keys: { u: 1 } }, { keys: { h: 1 } }]);
  await ensureIndexes(calls, [
    { keys: { due: 1 }, options: { sparse: true } },
    { keys: { gone: 1 }, options: { expireAfterSeconds: 0 } },
  ]);
  return { devices, settings, calls };
}

export function deviceIdOf(userId: string, deviceId: string): string {
  return userId + SEPARATOR + deviceId;
}

export function callIdOf(userId: string, deviceId: string, peer: string): string {
  return deviceIdOf(userId, deviceId) + SEPARATOR + peer;
}

/** Bounds of the ids of the calls of all devices of a user. */
export function callsOfUser(userId: string): { $gt: string; $lt: string } {
  return { $gt: userId + SEPARATOR, $lt: userId + SUCCESSOR };
}

/** Bounds of the ids of one device's calls. */
export function callsOf(userId: string, deviceId: string): { $gt: string; $lt: string } {
  const device = deviceIdOf(userId, deviceId);
  return { $gt: device + SEPARATOR, $lt: device + SUCCESSOR };
}

export function registrationOf({ u, d, s, t, l }: DeviceDocument): Registration {
  return { userId: u, deviceId: d, sessionId: s, target: t, locale: l };
}
