import { Module, type DynamicModule } from '@nestjs/common';
import { auth as contract, event } from '@magpie/contracts';
import { EventReader, EventStore, Outbox } from '@magpie/event-store';
import { served, type ServiceBase, type ServiceDefinition } from '@magpie/service';
import { AuthController, type AuthOperations } from './api/auth.controller.js';
import { CLOCK } from './commands/clock.js';
import { KickDevice } from './commands/kick-device.js';
import { Keys } from './commands/keys.js';
import { LoginAttempts } from './commands/login-attempts.js';
import { Login } from './commands/login.js';
import { Logout } from './commands/logout.js';
import { Passwords } from './commands/passwords.js';
import { Refresh } from './commands/refresh.js';
import { Register } from './commands/register.js';
import { SessionBook } from './commands/session-book.js';
import { Tokens } from './commands/tokens.js';
import { config, type AuthConfig } from './config.js';
import { publish, STREAMS, TOPICS } from './publish.js';
import { CheckSessions } from './queries/check-sessions.js';
import { FindAccounts } from './queries/find-accounts.js';
import { ListDevices } from './queries/list-devices.js';

const STORE_READY = Symbol('STORE_READY');

@Module({})
class AuthModule {
  static with(base: ServiceBase, settings: AuthConfig): DynamicModule {
    return { module: AuthModule, providers: [...stateProviders(base, settings), ...operationProviders] };
  }
}

function stateProviders({ connection, log, logger, instanceId }: ServiceBase, settings: AuthConfig) {
  const hashing = { concurrency: settings.AUTH_HASH_CONCURRENCY, queueMax: settings.AUTH_HASH_QUEUE_MAX };
  const guessing = { failuresMax: settings.AUTH_LOGIN_FAILURES_MAX, windowMs: settings.AUTH_LOGIN_FAILURES_WINDOW_MS };
  const accessTtlMs = settings.AUTH_ACCESS_TOKEN_TTL_MS;
  const refreshTtlMs = settings.AUTH_REFRESH_TOKEN_TTL_MS;
  const store = new EventStore({ connection, logger });
  return [
    { provide: CLOCK, useValue: Date.now },
    { provide: EventStore, useValue: store },
    { provide: EventReader, useFactory: () => new EventReader({ store, publish, streams: STREAMS }) },
    { provide: STORE_READY, useValue: { start: () => store.init() } },
    { provide: Keys, useFactory: () => new Keys(connection) },
    { provide: Passwords, useFactory: () => new Passwords(hashing) },
    { provide: LoginAttempts, useFactory: () => new LoginAttempts(connection, guessing) },
    { provide: Tokens, useFactory: (keys: Keys) => new Tokens(keys, accessTtlMs), inject: [Keys] },
    {
      provide: SessionBook,
      useFactory: (tokens: Tokens) => new SessionBook(connection, tokens, refreshTtlMs),
      inject: [Tokens],
    },
    {
      provide: Outbox,
      useFactory: () => new Outbox({ store, log, logger, holder: instanceId, topics: TOPICS, publish }),
    },
  ];
}

const operationProviders = [
  {
    provide: AuthController,
    inject: [EventStore, Passwords, LoginAttempts, SessionBook, Tokens, Keys, CLOCK],
    useFactory: (
      store: EventStore,
      passwords: Passwords,
      attempts: LoginAttempts,
      book: SessionBook,
      tokens: Tokens,
      keys: Keys,
      clock: AuthOperations['clock'],
    ) =>
      new AuthController({
        register: new Register(store, passwords, attempts, book),
        login: new Login(store, passwords, attempts, book),
        refresh: new Refresh(store, tokens, book),
        logout: new Logout(store, book),
        kickDevice: new KickDevice(store, book),
        listDevices: new ListDevices(store, book),
        checkSessions: new CheckSessions(book),
        findAccounts: new FindAccounts(store),
        keys,
        clock,
      }),
  },
];

/** Accounts, devices, sessions, passwords and tokens. */
export const auth: ServiceDefinition<AuthConfig> = {
  name: 'auth',
  config,
  database: true,
  log: true,
  module: (base, settings) => AuthModule.with(base, settings),
  handlers: (get) => [
    served(contract.AuthServiceDefinition, get(AuthController)),
    served(event.EventStoreServiceDefinition, get(EventReader)),
  ],
  components: [STORE_READY, Keys, Passwords, LoginAttempts, SessionBook, Outbox],
};
