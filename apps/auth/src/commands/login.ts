import { DomainError, requireUserName } from '@magpie/domain';
import { commandIdOf, deriveId } from '@magpie/domain/ids';
import type { EventStore } from '@magpie/event-store';
import { crashPoint } from '@magpie/observability';
import { account, accountStream } from '../domain/account.js';
import { requireCommandId, requirePassword } from '../domain/input.js';
import { sessions, sessionsStream, type DeviceInfo } from '../domain/sessions.js';
import { userNameClaim, userNameStream } from '../domain/user-name-claim.js';
import type { LoginAttempts } from './login-attempts.js';
import type { Passwords } from './passwords.js';
import type { Grant, SessionBook } from './session-book.js';

export interface LoginRequest {
  readonly commandId: string;
  readonly userName: string;
  readonly password: string;
  /** Checked already. */
  readonly device: DeviceInfo;
}

/** Opens a session for who knows the password; the device's session before it ends. */
export class Login {
  constructor(
    private readonly store: EventStore,
    private readonly passwords: Passwords,
    private readonly attempts: LoginAttempts,
    private readonly book: SessionBook,
  ) {}

  /** Throws INVALID, WRONG_CREDENTIALS, LIMITED, OVERLOADED; SESSION_REVOKED when a repeat's session has ended since. */
  async execute(request: LoginRequest, now: number): Promise<Grant> {
    const userName = requireUserName('user_name', request.userName);
    const password = requirePassword(request.password);
    const given = requireCommandId(request.commandId);
    const userId = await this.#authenticate(userName, password, now);

    const { device } = request;
    const sessionId = deriveId('s', userId, device.deviceId, given);
    await this.store.execute({
      stream: sessionsStream(userId),
      commandId: commandIdOf('login', device.deviceId, given),
      now,
      fold: sessions,
      decide: (state) => sessions.decide(state, { type: 'Open', userId, sessionId, device, now }),
      alongside: this.book.follow,
    });
    crashPoint('session.after-commit');
    return this.book.grant(sessionId, now);
  }

  /** Does the same work for a name that nobody has. */
  async #authenticate(userName: string, password: string, now: number): Promise<string> {
    const claim = await this.store.load(userNameStream(userName), userNameClaim);
    const userId = claim.state.status === 'Claimed' ? claim.state.userId : '';
    const { state } = await this.store.load(accountStream(userId), account);
    const passwordHash = state.status === 'Registered' ? state.passwordHash : undefined;
    const right = await this.attempts.guard(userName, now, () => this.passwords.verify(passwordHash, password));
    if (!right) throw new DomainError('unauthenticated', 'WRONG_CREDENTIALS', 'wrong user name or password');
    return userId;
  }
}
