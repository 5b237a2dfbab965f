import { randomUUID } from 'node:crypto';
import { ERRORS, toWireError, wire } from '@magpie/contracts';
import { DomainError } from '@magpie/domain';
import { crashPoint, type Logger } from '@magpie/observability';
import type { ServiceAnswer, Services } from '../clients/services.client.js';
import type { Allowance, UserAllowances } from '../domain/allowance.js';
import type { Identity } from '../domain/identity.js';
import type { Command } from './command-table.js';
import { metrics } from './metrics.js';

/** A command from any link, before anything about it was judged. */
export interface Request {
  /** undefined = no command has that id or name. */
  readonly command: Command | undefined;
  readonly identity: Identity | undefined;
  readonly body: Uint8Array;
  readonly requestId: string;
  /** Whether credentials may travel on this link: it is encrypted, local, or clear text is allowed. */
  readonly trusted: boolean;
  /** Of the link; undefined when the request was counted before. */
  readonly allowance: Allowance | undefined;
}

export type Answer =
  | { readonly ok: true; readonly body: Uint8Array; readonly feedKey: number }
  | { readonly ok: false; readonly error: wire.Error };

type Noted = Pick<Request, 'command' | 'identity' | 'requestId'>;

/** A request id, made here and nowhere else. */
export function newRequestId(): string {
  return `r${randomUUID().replaceAll('-', '')}`;
}

/** An error as it is answered; faults of ours are logged with their stack and told as INTERNAL. */
export function refusal(error: unknown, logger: Logger, requestId: string): Answer {
  if (!(error instanceof DomainError && error.code in ERRORS)) {
    logger.error({ err: error, requestId }, 'a command failed');
  }
  return { ok: false, error: toWireError(error) };
}

/** The one way of every command, whatever link brought it. */
export class Dispatcher {
  constructor(
    private readonly services: Services,
    private readonly users: UserAllowances,
    private readonly logger: Logger,
  ) {}

  /** Never rejects. */
  async dispatch(request: Request): Promise<Answer> {
    const startedAt = performance.now();
    let answer: Answer;
    try {
      const { body, feedKey } = await this.call(request);
      answer = { ok: true, body, feedKey };
    } catch (error) {
      answer = refusal(error, this.logger, request.requestId);
    }
    this.note(request, answer, performance.now() - startedAt);
    crashPoint('gateway.before-answer');
    return answer;
  }

  /** The answer to a command that fails before it could be dispatched. */
  refuse(command: Command | undefined, error: unknown, requestId: string): Answer {
    const answer = refusal(error, this.logger, requestId);
    this.note({ command, identity: undefined, requestId }, answer, 0);
    return answer;
  }

  private call(request: Request): Promise<ServiceAnswer> {
    const { command, identity, body, requestId } = request;
    const known = this.admit(request, command);
    crashPoint('gateway.before-call');
    return this.services.call({
      service: known.service,
      command: known.id,
      ownedBy: known.ownerOnly ? identity?.userId : undefined,
      identity,
      requestId,
      body,
    });
  }

  /** The command, when this link may ask for it now. */
  private admit(request: Request, command: Command | undefined): Command {
    this.requireAllowance(request);
    if (!request.trusted) throw new DomainError('forbidden', 'TLS_REQUIRED', 'this command needs an encrypted link');
    if (command === undefined) throw new DomainError('not-found', 'UNKNOWN_COMMAND', 'there is no such command');
    if (command.session && request.identity === undefined) {
      throw new DomainError('unauthenticated', 'SESSION_REQUIRED', `${command.name} needs a session`);
    }
    return command;
  }

  private requireAllowance({ allowance, identity, body }: Request): void {
    const now = Date.now();
    allowance?.require(body.length, now);
    if (identity !== undefined) this.users.of(identity.userId, now).require(body.length, now);
  }

  private note({ command, identity, requestId }: Noted, answer: Answer, durationMs: number): void {
    const name = command?.name ?? 'unknown';
    const code = answer.ok ? 'OK' : wire.Code[answer.error.code]!;
    metrics.answered(name, code, durationMs);
    this.logger.debug({ requestId, command: name, userId: identity?.userId, code, durationMs }, 'command');
  }
}
