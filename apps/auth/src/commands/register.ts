import { DomainError, requireUserName } from '@magpie/domain';
import { commandIdOf, deriveId } from '@magpie/domain/ids';
import type { EventStore, StreamCommand } from '@magpie/event-store';
import { crashPoint } from '@magpie/observability';
import { account, accountStream, type AccountState } from '../domain/account.js';
import { requireCommandId, requireNickname, requirePassword } from '../domain/input.js';
import { sessions, sessionsStream, type DeviceInfo, type SessionsState } from '../domain/sessions.js';
import { userNameClaim, userNameStream, userNameTaken, type UserNameState } from '../domain/user-name-claim.js';
import type { LoginAttempts } from './login-attempts.js';
import type { Passwords } from './passwords.js';
import type { Grant, SessionBook } from './session-book.js';

export interface RegisterRequest {
  readonly commandId: string;
  readonly userName: string;
  readonly password: string;
  readonly nickname: string;
  /** Checked already. */
  readonly device: DeviceInfo;
}

/** Makes an account and its first session, once per command id. */
export class Register {
  constructor(
    private readonly store: EventStore,
    private readonly passwords: Passwords,
    private readonly attempts: LoginAttempts,
    private readonly book: SessionBook,
  ) {}

  /** Throws INVALID, ALREADY_EXISTS (the name is taken), IDEMPOTENCY_MISMATCH, LIMITED, OVERLOADED. */
  async execute(request: RegisterRequest, now: number): Promise<Grant> {
    const userName = requireUserName('user_name', request.userName);
    const password = requirePassword(request.password);
    const nickname = requireNickname(request.nickname);
    const { deviceId } = request.device;
    const given = requireCommandId(request.commandId);
    const userId = deriveId('u', 'account', userName, deviceId, given);
    const sessionId = deriveId('s', userId, deviceId, given);

    const [claim, known] = await Promise.all([
      this.store.load(userNameStream(userName), userNameClaim),
      this.store.load(accountStream(userId), account),
    ]);
    if (known.state.status === 'Registered')
      return this.#repeat(known.state, { userName, password, nickname }, sessionId, now);
    if (claim.state.status === 'Claimed') throw userNameTaken();

    const passwordHash = await this.passwords.hash(password);
    const { repeated } = await this.store.executeMany({
      commandId: commandIdOf('register', deviceId, given),
      now,
      streams: [
        claimOf(userName, userId),
        accountOf({ userId, userName, nickname, passwordHash, now }),
        firstSessionOf({ userId, sessionId, device: request.device, now }),
      ],
      alongside: this.book.follow,
    });
    crashPoint('session.after-commit');
    if (repeated) {
      const { state } = await this.store.load(accountStream(userId), account);
      return this.#repeat(state, { userName, password, nickname }, sessionId, now);
    }
    return this.book.grant(sessionId, now);
  }

  /** Only who knows the password gets the session of a registration that went through before. */
  async #repeat(
    state: AccountState,
    given: { userName: string; password: string; nickname: string },
    sessionId: string,
    now: number,
  ): Promise<Grant> {
    if (state.status !== 'Registered') throw new Error('a repeated registration has no account');
    const { passwordHash, nickname } = state;
    const right = await this.attempts.guard(given.userName, now, () =>
      this.passwords.verify(passwordHash, given.password),
    );
    if (!right || nickname !== given.nickname) {
      throw new DomainError('conflict', 'IDEMPOTENCY_MISMATCH', 'command_id: was used for another registration', {
        details: [{ field: 'command_id', reason: 'was used for another registration' }],
      });
    }
    return this.book.grant(sessionId, now);
  }
}

function claimOf(userName: string, userId: string): StreamCommand<UserNameState> {
  return {
    stream: userNameStream(userName),
    fold: userNameClaim,
    decide: (state) => userNameClaim.decide(state, { userName, userId }),
  };
}

function accountOf(command: Parameters<typeof account.decide>[1]): StreamCommand<AccountState> {
  return { stream: accountStream(command.userId), fold: account, decide: (state) => account.decide(state, command) };
}

function firstSessionOf(command: {
  userId: string;
  sessionId: string;
  device: DeviceInfo;
  now: number;
}): StreamCommand<SessionsState> {
  return {
    stream: sessionsStream(command.userId),
    fold: sessions,
    decide: (state) => sessions.decide(state, { type: 'Open', ...command }),
  };
}
