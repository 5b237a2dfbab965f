import { setTimeout as delay } from 'node:timers/promises';
import { OPERATIONS, gateway, toWireError } from '@magpie/contracts';
import { DomainError, invalid } from '@magpie/domain';
import type { Logger } from '@magpie/observability';
import { PUSH_SEQUENCE, type Frame } from '@magpie/wire';
import type { Authenticate } from '../commands/authenticate.js';
import { IDENTIFY_FEED_WAIT_MS } from '../domain/limits.js';
import { NoticeChain } from '../domain/notice-chain.js';
import type { CommandTable } from './command-table.js';
import { newRequestId, refusal, type Dispatcher } from './dispatcher.js';
import type { Link } from './link.js';
import type { Links } from './links.js';

const NOTHING = new Uint8Array(0);
/** Selector of the entry that stands for all kinds. */
const ALL_KINDS = 0;

export interface LongLinkParts {
  readonly table: CommandTable;
  readonly dispatcher: Dispatcher;
  readonly authenticate: Authenticate;
  readonly feeds: {
    /** Resolves when the newest key is known to the link's chain. */
    follow(link: Link, userId: string): Promise<void>;
    /** A device of the user says that it holds all up to `key`. */
    held(userId: string, key: number): void;
  };
  readonly links: Links;
  readonly heartbeatIntervalMs: number;
  readonly logger: Logger;
}

/** What a frame asks for, and its answer. */
export class LongLink {
  constructor(private readonly parts: LongLinkParts) {}

  /** Never rejects; answers undefined when all is done already. */
  readonly serve = (link: Link, frame: Frame): Promise<void> | undefined => {
    if (frame.sequence === PUSH_SEQUENCE) {
      link.refuse(PUSH_SEQUENCE, toWireError(invalid('sequence', '0 is kept for what the server sends unasked')));
      return undefined;
    }
    if (frame.operation === OPERATIONS.heartbeat) return void this.heartbeat(link, frame);
    if (frame.operation === OPERATIONS.identify) return this.identify(link, frame);
    return this.command(link, frame);
  };

  private async command(link: Link, frame: Frame): Promise<void> {
    const { table, dispatcher } = this.parts;
    const answer = await dispatcher.dispatch({
      command: table.byId(frame.operation),
      identity: link.identity,
      body: frame.body,
      requestId: newRequestId(),
      trusted: link.trusted,
      allowance: link.allowance,
    });
    if (!answer.ok) return link.refuse(frame.sequence, answer.error);
    if (answer.feedKey > 0) link.chain.holds(answer.feedKey);
    link.answer(frame, answer.body);
  }

  private heartbeat(link: Link, frame: Frame): void {
    if (!link.identified) return link.answer(frame, NOTHING);
    const key = keyOf(frame.body);
    if (key === undefined)
      return link.refuse(frame.sequence, toWireError(invalid('body', 'it is no HeartbeatRequest')));
    if (key > 0) {
      link.chain.holds(key);
      if (link.identity !== undefined) this.parts.feeds.held(link.identity.userId, key);
      if (link.chain.pending) link.wake();
    }
    const body = { newestKey: link.chain.newestKey, serverTimeMs: Date.now() };
    link.answer(frame, gateway.HeartbeatResponse.encode(body).finish());
  }

  private async identify(link: Link, frame: Frame): Promise<void> {
    const requestId = newRequestId();
    link.identifying = true;
    try {
      link.answer(frame, await this.admit(link, frame.body));
      link.identified = true;
      if (link.chain.pending) link.wake();
    } catch (error) {
      const answer = refusal(error, this.parts.logger, requestId);
      if (!answer.ok) link.refuse(frame.sequence, answer.error);
    } finally {
      link.identifying = false;
    }
  }

  private async admit(link: Link, body: Uint8Array): Promise<Uint8Array> {
    const { authenticate, links, feeds, heartbeatIntervalMs } = this.parts;
    link.allowance.require(body.length, Date.now());
    if (!link.trusted) throw new DomainError('forbidden', 'TLS_REQUIRED', 'identify needs an encrypted link');
    const request = decodeIdentify(body);
    const identity = await authenticate.execute(request.accessToken);
    if (link.identity !== undefined && link.identity.userId !== identity.userId) {
      throw new DomainError('forbidden', 'FORBIDDEN', 'this link is another user’s');
    }
    if (link.isOver) return NOTHING;
    links.identify(link, identity);
    const entries = request.syncKey?.entries ?? [];
    const entry = entries.find(({ selector }) => selector === ALL_KINDS);
    if (entry !== undefined) link.chain = new NoticeChain(Math.max(0, entry.number));
    const attached = feeds.follow(link, identity.userId);
    const told = await Promise.race([attached.then(() => true), delay(IDENTIFY_FEED_WAIT_MS, false, { ref: false })]);
    return gateway.IdentifyResponse.encode({
      userId: identity.userId,
      deviceId: identity.deviceId,
      newestKey: told ? link.chain.newestKey : 0,
      heartbeatIntervalMs,
      serverTimeMs: Date.now(),
    }).finish();
  }
}

/** 0 = not told; undefined = no such message. */
function keyOf(body: Uint8Array): number | undefined {
  if (body.length === 0) return 0;
  try {
    return gateway.HeartbeatRequest.decode(body).key;
  } catch {
    return undefined;
  }
}

function decodeIdentify(body: Uint8Array): gateway.IdentifyRequest {
  try {
    return gateway.IdentifyRequest.decode(body);
  } catch {
    throw invalid('body', 'it is no IdentifyRequest');
  }
}
