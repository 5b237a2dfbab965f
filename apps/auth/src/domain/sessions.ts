import { DomainError, type Decider } from '@magpie/domain';
import { DEVICES_MAX } from './limits.js';

export interface DeviceInfo {
  readonly deviceId: string;
  readonly name: string;
  /** Number of the platform in the contract. */
  readonly platform: number;
}

export type RevocationReason = 'LOGGED_OUT' | 'KICKED' | 'REPLACED' | 'TOKEN_REUSED';

export interface SessionOpened {
  readonly type: 'SessionOpened';
  readonly version: 1;
  readonly data: {
    readonly userId: string;
    readonly sessionId: string;
    readonly device: DeviceInfo;
    readonly openedAt: number;
  };
}

export interface SessionRevoked {
  readonly type: 'SessionRevoked';
  readonly version: 1;
  readonly data: {
    readonly userId: string;
    readonly sessionId: string;
    readonly deviceId: string;
    readonly reason: RevocationReason;
    readonly revokedAt: number;
  };
}

export type SessionsEvent = SessionOpened | SessionRevoked;

export interface OpenSession {
  readonly sessionId: string;
  readonly device: DeviceInfo;
  readonly openedAt: number;
}

/** The open sessions of one user, oldest first: at most one per device, at most {@link DEVICES_MAX}. */
export interface SessionsState {
  readonly open: readonly OpenSession[];
}

export type SessionsCommand =
  | {
      readonly type: 'Open';
      readonly userId: string;
      readonly sessionId: string;
      readonly device: DeviceInfo;
      readonly now: number;
    }
  | { readonly type: 'Logout'; readonly userId: string; readonly sessionId: string; readonly now: number }
  | {
      readonly type: 'Kick';
      readonly userId: string;
      readonly by: string;
      readonly deviceId: string;
      readonly now: number;
    }
  | { readonly type: 'RevokeReused'; readonly userId: string; readonly sessionId: string; readonly now: number };

/** Where a user is logged in. */
export const sessions: Decider<SessionsState, SessionsCommand, SessionsEvent> & { readonly snapshots: number } = {
  initial: { open: [] },
  // A stream that grows with every log-in: the store keeps its state under this version of `evolve`.
  snapshots: 1,
  decide(state, command) {
    const { userId, now } = command;
    const revoke = ({ sessionId, device }: OpenSession, reason: RevocationReason): SessionRevoked => {
      const data = { userId, sessionId, deviceId: device.deviceId, reason, revokedAt: now };
      return { type: 'SessionRevoked', version: 1, data };
    };
    const withId = (sessionId: string) => state.open.filter((session) => session.sessionId === sessionId);
    switch (command.type) {
      case 'Open': {
        const { sessionId, device } = command;
        const same = state.open.filter((session) => session.device.deviceId === device.deviceId);
        const others = state.open.filter((session) => session.device.deviceId !== device.deviceId);
        const excess = others.slice(0, Math.max(0, others.length - (DEVICES_MAX - 1)));
        const replaced = [...same, ...excess].map((session) => revoke(session, 'REPLACED'));
        return [...replaced, { type: 'SessionOpened', version: 1, data: { userId, sessionId, device, openedAt: now } }];
      }
      case 'Logout':
        return withId(command.sessionId).map((session) => revoke(session, 'LOGGED_OUT'));
      case 'RevokeReused':
        return withId(command.sessionId).map((session) => revoke(session, 'TOKEN_REUSED'));
      case 'Kick': {
        requireOpen(state, command.by);
        const kicked = state.open.filter(({ device }) => device.deviceId === command.deviceId);
        if (kicked.length === 0) throw new DomainError('not-found', 'NOT_FOUND', 'no such device is logged in');
        return kicked.map((session) => revoke(session, 'KICKED'));
      }
    }
  },
  evolve(state, event) {
    const { sessionId } = event.data;
    const others = state.open.filter((session) => session.sessionId !== sessionId);
    if (event.type === 'SessionRevoked') return { open: others };
    const { device, openedAt } = event.data;
    return { open: [...others, { sessionId, device, openedAt }] };
  },
};

/** The session with this id; SESSION_REVOKED when it is not open. */
export function requireOpen(state: SessionsState, sessionId: string): OpenSession {
  const session = state.open.find((one) => one.sessionId === sessionId);
  if (!session) throw sessionRevoked();
  return session;
}

export function sessionRevoked(why = 'the session is no longer open'): DomainError {
  return new DomainError('unauthenticated', 'SESSION_REVOKED', why);
}

export function sessionsStream(userId: string): string {
  return `sessions:${userId}`;
}
