import type { Connection } from 'mongoose';
import { collectionOf, ensureIndexes, type Collection } from '@magpie/mongo';
import type { Alongside } from '@magpie/event-store';
import type { Component } from '@magpie/service';
import type { RefreshState } from '../domain/refresh.js';
import { sessionRevoked, type SessionsEvent } from '../domain/sessions.js';
import type { SessionCaller } from './caller.js';
import type { Tokens } from './tokens.js';

/** How long a session is remembered after its last refresh token ran out. */
const AFTERLIFE_SECONDS = 24 * 60 * 60;

export interface RefreshDocument {
  /** The session's id. */
  _id: string;
  userId: string;
  deviceId: string;
  counter: number;
  lastCommandId?: string;
  rotatedAt: Date;
  expiresAt: Date;
  revoked: boolean;
}

/** What a client is given when it has a session. */
export interface Grant {
  readonly userId: string;
  readonly sessionId: string;
  readonly accessToken: string;
  readonly accessExpiresAtMs: number;
  readonly refreshToken: string;
  readonly refreshExpiresAtMs: number;
  readonly serverTimeMs: number;
}

/** `state_refresh`: one document per session, written in the transaction of the events that open and revoke it. */
export class SessionBook implements Component {
  readonly #collection: Collection<RefreshDocument>;

  constructor(
    connection: Connection,
    private readonly tokens: Tokens,
    private readonly refreshTtlMs: number,
  ) {
    this.#collection = collectionOf<RefreshDocument>(connection, 'state_refresh');
  }

  async start(): Promise<void> {
    const expiry = { keys: { expiresAt: 1 as const }, options: { expireAfterSeconds: AFTERLIFE_SECONDS } };
    await ensureIndexes(this.#collection, [expiry]);
  }

  /** Keeps the book in step with the sessions' events. */
  readonly follow: Alongside = async (commits, session) => {
    for (const event of commits.flatMap(({ events }) => events) as SessionsEvent[]) {
      if (event.type === 'SessionOpened') {
        const { sessionId, userId, device, openedAt } = event.data;
        const document = { _id: sessionId, userId, deviceId: device.deviceId, counter: 1, revoked: false };
        await this.#collection.insertOne({ ...document, ...this.#freshness(openedAt) }, { session });
      } else if (event.type === 'SessionRevoked') {
        await this.#collection.updateOne({ _id: event.data.sessionId }, { $set: { revoked: true } }, { session });
      }
    }
  };

  find(sessionId: string): Promise<RefreshDocument | null> {
    return this.#collection.findOne({ _id: sessionId });
  }

  /** Those of the sessions that are open, with the time of their last refresh (or opening). */
  async findOpen(sessionIds: readonly string[]): Promise<Map<string, { refreshedAt: number }>> {
    const fields = { projection: { rotatedAt: 1 } };
    const open = await this.#collection.find({ _id: { $in: [...sessionIds] }, revoked: false }, fields).toArray();
    return new Map(open.map(({ _id, rotatedAt }) => [_id, { refreshedAt: rotatedAt.getTime() }]));
  }

  /** Makes token `next` the good one, unless another refresh or a revocation came first (undefined). */
  rotate(document: RefreshDocument, next: number, commandId: string, now: number): Promise<RefreshDocument | null> {
    return this.#collection.findOneAndUpdate(
      { _id: document._id, counter: document.counter, revoked: false },
      { $set: { counter: next, lastCommandId: commandId, ...this.#freshness(now) } },
      { returnDocument: 'after' },
    );
  }

  /** The session's newest refresh token with a new access token. Throws SESSION_REVOKED when it is not open. */
  async grant(sessionId: string, now: number): Promise<Grant> {
    const document = await this.find(sessionId);
    if (!document || document.revoked) throw sessionRevoked();
    return this.grantOf(document, now);
  }

  async grantOf(document: RefreshDocument, now: number): Promise<Grant> {
    const { _id: sessionId, userId, deviceId, counter, expiresAt } = document;
    const caller: SessionCaller = { userId, deviceId, sessionId };
    const { token, expiresAtMs } = await this.tokens.access(caller, now);
    return {
      userId,
      sessionId,
      accessToken: token,
      accessExpiresAtMs: expiresAtMs,
      refreshToken: this.tokens.refresh({ sessionId, counter }),
      refreshExpiresAtMs: expiresAt.getTime(),
      serverTimeMs: now,
    };
  }

  #freshness(now: number): { rotatedAt: Date; expiresAt: Date } {
    return { rotatedAt: new Date(now), expiresAt: new Date(now + this.refreshTtlMs) };
  }
}

export function refreshStateOf(document: RefreshDocument): RefreshState {
  const { counter, lastCommandId, expiresAt, revoked } = document;
  return {
    counter,
    expiresAt: expiresAt.getTime(),
    revoked,
    ...(lastCommandId === undefined ? {} : { lastCommandId }),
  };
}
