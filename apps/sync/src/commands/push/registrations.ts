import { hash } from 'node:crypto';
import { DomainError, invalid, requireAscii } from '@magpie/domain';
import type { Caller } from '@magpie/grpc';
import { collectionOf, type Collection, type Connection } from '@magpie/mongo';
import { PUSH_LIMITS } from '../../domain/push/limits.js';
import {
  requireLocale,
  requireTarget,
  type GivenTarget,
  type ProviderName,
  type Registration,
  type Target,
} from '../../domain/push/registration.js';
import type { Registered } from '../../queries/push/registered.js';
import { callsOf, deviceIdOf, type DeviceDocument, type PushCollections } from '../../queries/push/stored.js';

export type Device = Pick<Caller, 'userId' | 'deviceId' | 'sessionId'>;

export interface RegisterPushRequest extends GivenTarget {
  readonly locale: string;
  readonly commandId: string;
}

interface SessionDocument {
  _id: string;
  until: Date;
}

/** Whether devices may register for a target here; throws INVALID. */
export type Judge = (target: Target) => void;

/** Which devices are to be called. Only the instance that owns the user's feed changes them for a user. */
export class Registrations {
  readonly #sessions: Collection<SessionDocument>;

  constructor(
    connection: Connection,
    private readonly collections: PushCollections,
    private readonly registered: Pick<Registered, 'forget'>,
    private readonly offered: readonly ProviderName[],
    private readonly judge: Judge,
  ) {
    this.#sessions = collectionOf<SessionDocument>(connection, 'state_push_session');
  }

  async init(): Promise<void> {
    await this.#sessions.createIndex({ until: 1 }, { expireAfterSeconds: 0 });
  }

  /** Replaces what the device had registered. Throws INVALID, SESSION_REVOKED. */
  async register(device: Device, request: RegisterPushRequest, now: number): Promise<void> {
    requireCommandId(request.commandId);
    const target = requireTarget(request);
    const locale = requireLocale(request.locale);
    if (!this.offered.includes(target.provider)) throw invalid('provider', `${target.provider} is not set up here`);
    this.judge(target);
    const { userId, deviceId, sessionId } = device;
    const digest = digestOf(target);
    const _id = deviceIdOf(userId, deviceId);
    const { devices } = this.collections;
    const fields = { u: userId, d: deviceId, s: sessionId, t: target, h: digest, l: locale, at: new Date(now) };
    await devices.updateOne({ _id }, { $set: fields }, { upsert: true });
    // A token is one device's: whoever had it before has gone from that device.
    await devices.deleteMany({ h: digest, _id: { $ne: _id } });
    await this.#letOldGo(userId);
    this.registered.forget(userId);
    // The other way round a session that ends at this moment would leave its registration behind.
    if ((await this.#sessions.findOne({ _id: sessionId })) === null) return;
    await this.endSession({ userId, deviceId, sessionId }, now);
    throw new DomainError('unauthenticated', 'SESSION_REVOKED', 'the session has ended');
  }

  async unregister({ userId, deviceId }: Device, commandId: string): Promise<void> {
    requireCommandId(commandId);
    await this.collections.devices.deleteOne({ _id: deviceIdOf(userId, deviceId) });
    await this.#dropCalls(userId, deviceId);
    this.registered.forget(userId);
  }

  /** What was registered in a session ends with it; also what it is just registering. */
  async endSession({ userId, deviceId, sessionId }: Device, now: number): Promise<void> {
    const until = new Date(now + PUSH_LIMITS.sessionKnownMs);
    await this.#sessions.updateOne({ _id: sessionId }, { $set: { until } }, { upsert: true });
    const { deletedCount } = await this.collections.devices.deleteOne({
      _id: deviceIdOf(userId, deviceId),
      s: sessionId,
    });
    if (deletedCount > 0) await this.#dropCalls(userId, deviceId);
    this.registered.forget(userId);
  }

  /**
   * The provider does not know the token any more, since `sinceMs` (since 1970; undefined = since now); what the device
   * registered after that stays.
   */
  async endTarget(
    { userId, deviceId, target }: Pick<Registration, 'userId' | 'deviceId' | 'target'>,
    sinceMs: number | undefined,
  ): Promise<void> {
    const before = sinceMs === undefined ? {} : { at: { $lte: new Date(sinceMs) } };
    const _id = deviceIdOf(userId, deviceId);
    const { deletedCount } = await this.collections.devices.deleteOne({ _id, h: digestOf(target), ...before });
    if (deletedCount > 0) await this.#dropCalls(userId, deviceId);
    this.registered.forget(userId);
  }

  async #letOldGo(userId: string): Promise<void> {
    const { devices } = this.collections;
    const old = await devices
      .find({ u: userId }, { sort: { at: -1 }, skip: PUSH_LIMITS.devicesMax, projection: { _id: 1 } })
      .toArray();
    if (old.length > 0) await devices.deleteMany({ _id: { $in: old.map(({ _id }) => _id) } });
  }

  async #dropCalls(userId: string, deviceId: string): Promise<void> {
    await this.collections.calls.deleteMany({ _id: callsOf(userId, deviceId) });
  }
}

/** Printable ASCII, the same on every retry of a command. */
export function requireCommandId(commandId: string): string {
  return requireAscii('command_id', commandId, PUSH_LIMITS.commandIdLength);
}

function digestOf(target: Target): DeviceDocument['h'] {
  return hash('sha256', target.provider === 'WEB_PUSH' ? target.endpoint : `${target.provider} ${target.token}`);
}
