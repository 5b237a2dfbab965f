import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { auth, messaging, social, sync } from '@magpie/contracts';
import { deferred } from '@magpie/domain';
import { GrpcServer, type Caller, type DuplexStream, type GenericDefinition, type Handlers } from '@magpie/grpc';
import { silentLogger } from '@magpie/observability';
import { SignJWT } from 'jose';

export const CREDENTIAL = 'a-credential-for-tests';
const KEY_ID = 'k1';

/** Who a token is made for. */
export interface Person {
  userId: string;
  deviceId: string;
  sessionId: string;
}

type Attach = DuplexStream<sync.AttachRequest, sync.AttachResponse>;

/**
 * A test double of auth, messaging, social and sync in one process: a real server of the real definitions, whose
 * answers each test may set.
 */
export class FakeBackend {
  readonly server = new GrpcServer({ credential: CREDENTIAL, logger: silentLogger() });
  address = '';
  /** Callers of commands, as the services saw them. */
  readonly callers: Caller[] = [];
  readonly revoked = new Set<string>();
  readonly checked: string[][] = [];
  /** Newest key of each user's feed. */
  readonly newest = new Map<string, number>();
  /** Users that the gateway has attached. */
  readonly attached = new Set<string>();
  /** What was told last of the devices of each user. */
  readonly devices = new Map<string, readonly string[]>();
  /** Keys that the gateway said to be held by devices. */
  readonly held: sync.AttachRequest_Held[] = [];
  send: (request: messaging.SendMessagesRequest, caller: Caller) => Promise<messaging.SendMessagesResponse> = (
    request,
  ) =>
    Promise.resolve({
      results: request.messages.map(({ clientId }) =>
        messaging.SendResult.fromPartial({ clientId, code: 1, messageId: `m${clientId}`, serverTimeMs: 5 }),
      ),
    });
  sync: (request: sync.SyncRequest, caller: Caller) => Promise<sync.SyncResponse> = () =>
    Promise.resolve(sync.SyncResponse.fromPartial({}));
  private readonly streams = new Set<Attach>();
  private readonly keys: { publicKey: KeyObject; privateKey: KeyObject } = generateKeyPairSync('ed25519');

  async start(): Promise<void> {
    this.serveAuth();
    this.serveMessaging();
    this.serveSocial();
    this.serveSync();
    this.address = await this.server.listen('127.0.0.1:0');
  }

  stop(): Promise<void> {
    return this.server.close(100);
  }

  token(person: Person, lifetimeS = 600): Promise<string> {
    const now = Math.floor(Date.now() / 1000);
    return new SignJWT({ sid: person.sessionId, did: person.deviceId })
      .setProtectedHeader({ alg: 'EdDSA', kid: KEY_ID })
      .setIssuer('magpie')
      .setSubject(person.userId)
      .setIssuedAt(now - 3600)
      .setExpirationTime(now + lifetimeS)
      .sign(this.keys.privateKey);
  }

  /** A new entry of a feed: all gateways that attached the user hear of it. */
  deliver(userId: string, key: number, item: Uint8Array, authorDeviceId = ''): void {
    const previousKey = this.newest.get(userId) ?? 0;
    this.newest.set(userId, key);
    const deliveries = [{ userId, previousKey, key, item, authorDeviceId }];
    this.tell({ partitions: 1, ownerships: [], attached: [], deliveries });
  }

  /** Something of this moment. */
  signal(userId: string, item: Uint8Array): void {
    const delivery = { userId, previousKey: -1, key: 0, item, authorDeviceId: '' };
    this.tell({ partitions: 1, ownerships: [], attached: [], deliveries: [delivery] });
  }

  announce(epoch: number, owned: boolean): void {
    this.tell({ partitions: 1, ownerships: [{ partition: 0, epoch, owned }], attached: [], deliveries: [] });
  }

  private tell(response: sync.AttachResponse): void {
    for (const stream of this.streams) void stream.write(response);
  }

  private note<T>(caller: Caller, answer: T): Promise<T> {
    this.callers.push(caller);
    return Promise.resolve(answer);
  }

  private serveAuth(): void {
    const session = auth.Session.fromPartial({ userId: 'ua', sessionId: 's1', serverTimeMs: 2 ** 45 });
    const publicKey = new Uint8Array(this.keys.publicKey.export({ type: 'spki', format: 'der' }));
    this.server.serve(auth.AuthServiceDefinition, {
      register: (_, caller) => this.note(caller, { session }),
      login: (_, caller) => this.note(caller, { session }),
      refresh: (_, caller) => this.note(caller, { session }),
      logout: (_, caller) => this.note(caller, {}),
      listDevices: (_, caller) => this.note(caller, { devices: [] }),
      kickDevice: (_, caller) => this.note(caller, {}),
      listKeys: () => Promise.resolve({ keys: [{ keyId: KEY_ID, publicKey }] }),
      checkSessions: ({ sessionIds }) => {
        this.checked.push(sessionIds);
        return Promise.resolve({ revoked: sessionIds.filter((id) => this.revoked.has(id)) });
      },
      findAccounts: () => Promise.resolve({ existing: [] }),
    });
  }

  private serveMessaging(): void {
    this.server.serve(messaging.MessagingServiceDefinition, {
      ...this.emptyAnswers(messaging.MessagingServiceDefinition),
      sendMessages: (request, caller) => {
        this.callers.push(caller);
        return this.send(request, caller);
      },
    });
  }

  private serveSocial(): void {
    this.server.serve(social.SocialServiceDefinition, this.emptyAnswers(social.SocialServiceDefinition));
  }

  /** Answers every request with an empty message. */
  private emptyAnswers<D extends GenericDefinition>({ methods }: D): Handlers<D> {
    const handlers = Object.entries(methods).map(([name, { responseType }]) => [
      name,
      (_: unknown, caller: Caller) => this.note(caller, responseType.decode(new Uint8Array(0))),
    ]);
    return Object.fromEntries(handlers) as Handlers<D>;
  }

  private serveSync(): void {
    const handlers = {
      init: (_: sync.InitRequest, caller: Caller) => this.note(caller, sync.InitResponse.fromPartial({})),
      sync: (request: sync.SyncRequest, caller: Caller) => this.sync(request, caller),
      signal: () => Promise.resolve({}),
    };
    this.server.serve(sync.SyncServiceDefinition, handlers, { attach: (stream) => this.attach(stream) });
  }

  private async attach(stream: Attach): Promise<void> {
    this.streams.add(stream);
    const ownerships = [{ partition: 0, epoch: 1, owned: true }];
    void stream.write({ partitions: 1, ownerships, attached: [], deliveries: [] });
    for await (const { attach, detach, devices, held } of stream.read) {
      for (const { userId, deviceIds } of devices) this.devices.set(userId, deviceIds);
      this.held.push(...held);
      for (const userId of detach) this.attached.delete(userId);
      for (const userId of attach) this.attached.add(userId);
      const attached = attach.map((userId) => ({ userId, newestKey: this.newest.get(userId) ?? 0 }));
      if (attached.length > 0) void stream.write({ partitions: 0, ownerships: [], attached, deliveries: [] });
    }
    this.streams.delete(stream);
  }
}

/** A condition that becomes true, looked at every few ms; fails after `withinMs`. */
export async function until(what: string, holds: () => boolean, withinMs = 5000): Promise<void> {
  const deadline = Date.now() + withinMs;
  while (!holds()) {
    if (Date.now() > deadline) throw new Error(`${what}: not within ${withinMs} ms`);
    const turn = deferred<void>();
    setTimeout(() => turn.resolve(), 3);
    await turn.promise;
  }
}
