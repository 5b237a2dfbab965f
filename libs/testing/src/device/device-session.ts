import { randomBytes } from 'node:crypto';
import { auth } from '@magpie/contracts';
import { LOGIN, REFRESH, REGISTER } from './commands.js';
import { postCommand } from './short-link.js';

const PASSWORD = 'a password of tests';
/** A token that ends sooner is not used any more. */
const TOKEN_LEFT_MS = 60_000;

/** A user name and which of its devices. */
export interface DeviceName {
  readonly userName: string;
  readonly nth: number;
}

const deviceIdOf = ({ userName, nth }: DeviceName): string => `device-${nth}-of-${userName}`;

/** A registered user's session on one device; it renews its tokens. The same call again is the same command. */
export class DeviceSession {
  private renewing: Promise<void> | undefined;
  /** Stays the same until it is answered: a rotation whose answer was lost is no reuse. */
  private renewal = newCommandId();

  private constructor(
    readonly deviceId: string,
    private session: auth.Session,
  ) {}

  /** Registers the user, with this as its first session. Rejects with the error answered, or UNAVAILABLE. */
  static async register(http: string, name: DeviceName): Promise<DeviceSession> {
    const { userName } = name;
    const device = { deviceId: deviceIdOf(name), name: 'first', platform: auth.Platform.BOT };
    const request = { userName, password: PASSWORD, nickname: userName, device, commandId: `register-${userName}` };
    const answer = await postCommand(http, REGISTER, auth.RegisterRequest.encode(request).finish());
    return new DeviceSession(device.deviceId, auth.RegisterResponse.decode(answer).session!);
  }

  /** Logs a registered user in. Rejects with the error answered, or UNAVAILABLE. */
  static async login(http: string, name: DeviceName, commandId: string): Promise<DeviceSession> {
    const { userName, nth } = name;
    const device = { deviceId: deviceIdOf(name), name: `no ${nth}`, platform: auth.Platform.BOT };
    const request = auth.LoginRequest.fromPartial({ userName, password: PASSWORD, device, commandId });
    const answer = await postCommand(http, LOGIN, auth.LoginRequest.encode(request).finish());
    return new DeviceSession(device.deviceId, auth.LoginResponse.decode(answer).session!);
  }

  get userId(): string {
    return this.session.userId;
  }

  /** An access token that lives for a while yet. Rejects with SESSION_REVOKED, or UNAVAILABLE. */
  async token(http: string): Promise<string> {
    if (this.session.accessExpiresAtMs < Date.now() + TOKEN_LEFT_MS) {
      this.renewing ??= this.renew(http).finally(() => (this.renewing = undefined));
      await this.renewing;
    }
    return this.session.accessToken;
  }

  private async renew(http: string): Promise<void> {
    const request = { refreshToken: this.session.refreshToken, commandId: this.renewal };
    const answer = await postCommand(http, REFRESH, auth.RefreshRequest.encode(request).finish());
    this.session = auth.RefreshResponse.decode(answer).session!;
    this.renewal = newCommandId();
  }
}

function newCommandId(): string {
  return randomBytes(12).toString('hex');
}
