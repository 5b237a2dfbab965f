import { auth } from '@magpie/contracts';
import { invalid } from '@magpie/domain';
import type { Caller, Handlers } from '@magpie/grpc';
import type { Clock } from '../commands/clock.js';
import type { KickDevice } from '../commands/kick-device.js';
import type { Keys } from '../commands/keys.js';
import type { Login } from '../commands/login.js';
import type { Logout } from '../commands/logout.js';
import type { Refresh } from '../commands/refresh.js';
import type { Register } from '../commands/register.js';
import { requireDevice } from '../domain/input.js';
import type { CheckSessions } from '../queries/check-sessions.js';
import type { FindAccounts } from '../queries/find-accounts.js';
import type { ListDevices } from '../queries/list-devices.js';

const PLATFORMS: ReadonlySet<number> = new Set(
  Object.values(auth.Platform).filter((value) => typeof value === 'number' && value >= 0) as number[],
);

/** What the controller passes requests on to. */
export interface AuthOperations {
  readonly register: Register;
  readonly login: Login;
  readonly refresh: Refresh;
  readonly logout: Logout;
  readonly kickDevice: KickDevice;
  readonly listDevices: ListDevices;
  readonly checkSessions: CheckSessions;
  readonly findAccounts: FindAccounts;
  readonly keys: Keys;
  readonly clock: Clock;
}

/** `magpie.auth.v1.AuthService` on the service's commands and queries. */
export class AuthController implements Handlers<auth.AuthServiceDefinition> {
  constructor(private readonly operations: AuthOperations) {}

  readonly register = async (request: auth.RegisterRequest): Promise<auth.RegisterResponse> => {
    const device = requireDevice(request.device, PLATFORMS);
    return { session: await this.operations.register.execute({ ...request, device }, this.#now()) };
  };

  readonly login = async (request: auth.LoginRequest): Promise<auth.LoginResponse> => {
    if (request.phone !== '') throw invalid('phone', 'logging in by phone is not offered');
    if (request.code !== '') throw invalid('code', 'logging in by code is not offered');
    const device = requireDevice(request.device, PLATFORMS);
    return { session: await this.operations.login.execute({ ...request, device }, this.#now()) };
  };

  readonly refresh = async (request: auth.RefreshRequest): Promise<auth.RefreshResponse> => ({
    session: await this.operations.refresh.execute(request, this.#now()),
  });

  readonly logout = async (request: auth.LogoutRequest, caller: Caller): Promise<auth.LogoutResponse> => {
    await this.operations.logout.execute(request, caller, this.#now());
    return {};
  };

  readonly listDevices = async (_: auth.ListDevicesRequest, caller: Caller): Promise<auth.ListDevicesResponse> => ({
    devices: await this.operations.listDevices.execute(caller),
  });

  readonly kickDevice = async (request: auth.KickDeviceRequest, caller: Caller): Promise<auth.KickDeviceResponse> => {
    await this.operations.kickDevice.execute(request, caller, this.#now());
    return {};
  };

  readonly listKeys = async (): Promise<auth.ListKeysResponse> => {
    const { keyId, publicKey } = this.operations.keys.signing;
    return { keys: [{ keyId, publicKey }] };
  };

  readonly checkSessions = async (request: auth.CheckSessionsRequest): Promise<auth.CheckSessionsResponse> => ({
    revoked: await this.operations.checkSessions.execute(request.sessionIds),
  });

  readonly findAccounts = async (request: auth.FindAccountsRequest): Promise<auth.FindAccountsResponse> => ({
    existing: await this.operations.findAccounts.execute(request.userIds),
  });

  #now(): number {
    return this.operations.clock();
  }
}
