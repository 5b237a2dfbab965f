import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { DescMessage } from '@bufbuild/protobuf';
import { ERRORS, wire } from '@magpie/contracts';
import { DomainError } from '@magpie/domain';
import type { Authenticate } from '../commands/authenticate.js';
import type { Allowance } from '../domain/allowance.js';
import type { Identity } from '../domain/identity.js';
import type { Command, CommandTable } from './command-table.js';
import { newRequestId, type Answer, type Dispatcher } from './dispatcher.js';
import { answerType, readBody, requestType, type BodyType } from './http-body.js';
import { jsonToProtobuf, protobufToJson } from './json-transcoder.js';

const PREFIX = '/cgi-bin/micromsg-bin/';
const PREFLIGHT_AGE_S = 86_400;

export interface ShortLinkParts {
  readonly table: CommandTable;
  /** `magpie.wire.v1.Error`. */
  readonly errorSchema: DescMessage;
  readonly dispatcher: Dispatcher;
  readonly authenticate: Authenticate;
  readonly allowanceOf: (socket: Socket) => Allowance;
  readonly trusts: (remoteAddress: string) => boolean;
  readonly corsOrigin: string;
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly requestId: string;
  readonly command: Command | undefined;
  readonly answerType: BodyType;
}

/** Every command as `POST /cgi-bin/micromsg-bin/<name>`, in protobuf or JSON. */
export class ShortLink {
  constructor(private readonly parts: ShortLinkParts) {}

  /** For the HTTP server's `request` event; never rejects. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url?.split('?', 1)[0] ?? '';
    const command = path.startsWith(PREFIX) ? this.parts.table.byName(path.slice(PREFIX.length)) : undefined;
    const type = requestType(request);
    const exchange: Exchange = {
      request,
      response,
      requestId: newRequestId(),
      command,
      answerType: answerType(request.headers.accept, type ?? 'application/json'),
    };
    this.cors(response);
    response.setHeader('X-Request-Id', exchange.requestId);
    if (request.method === 'OPTIONS') return preflight(response);
    const failed = command === undefined ? 404 : request.method !== 'POST' ? 405 : type === undefined ? 415 : undefined;
    if (failed === 405) response.setHeader('Allow', 'POST, OPTIONS');
    const answer = failed === undefined ? await this.serve(exchange, type!) : this.refuse(exchange, failed);
    try {
      this.answer(exchange, answer, failed);
    } catch (error) {
      this.answer(exchange, this.parts.dispatcher.refuse(command, error, exchange.requestId), undefined);
    }
  }

  private async serve(exchange: Exchange, type: BodyType): Promise<Answer> {
    const { request, requestId, command } = exchange;
    const { dispatcher, allowanceOf, trusts } = this.parts;
    try {
      const received = await readBody(request);
      // Before the token and the JSON are looked at: those that are bad cost work too.
      allowanceOf(request.socket).require(received.length, Date.now());
      const trusted = trusts(request.socket.remoteAddress ?? '');
      const identity = trusted ? await this.identityOf(request, command!) : undefined;
      const body = type === 'application/json' ? jsonToProtobuf(command!.input, received) : received;
      return await dispatcher.dispatch({ command, identity, body, requestId, trusted, allowance: undefined });
    } catch (error) {
      return dispatcher.refuse(command, error, requestId);
    }
  }

  /** Open commands look at no token, so that an old one does not stand in the way of a new log-in. */
  private async identityOf(request: IncomingMessage, command: Command): Promise<Identity | undefined> {
    const { authorization } = request.headers;
    if (!command.session || authorization === undefined) return undefined;
    const token = /^Bearer +([^ ]+) *$/i.exec(authorization)?.[1];
    return this.parts.authenticate.execute(token ?? '');
  }

  private refuse({ command, requestId }: Exchange, status: 404 | 405 | 415): Answer {
    const errors = {
      404: new DomainError('not-found', 'UNKNOWN_COMMAND', 'there is no such command'),
      405: new DomainError('invalid', 'INVALID', 'commands are called by POST'),
      415: new DomainError('invalid', 'INVALID', 'application/x-protobuf or application/json (UTF-8) is expected'),
    };
    return this.parts.dispatcher.refuse(command, errors[status], requestId);
  }

  private answer(exchange: Exchange, answer: Answer, failed: number | undefined): void {
    const { response, command } = exchange;
    if (response.destroyed) return;
    if (answer.ok) return this.write(exchange, 200, command!.output, answer.body);
    const { error } = answer;
    const name = wire.Code[error.code] as keyof typeof ERRORS;
    const status = failed ?? ERRORS[name]?.http ?? 500;
    if (error.retryAfterMs > 0) response.setHeader('Retry-After', Math.ceil(error.retryAfterMs / 1000));
    if (status === 401) response.setHeader('WWW-Authenticate', 'Bearer');
    this.write(exchange, status, this.parts.errorSchema, wire.Error.encode(error).finish());
  }

  private write(exchange: Exchange, status: number, schema: DescMessage, body: Uint8Array): void {
    const { response, answerType: type } = exchange;
    const bytes = type === 'application/json' ? protobufToJson(schema, body) : body;
    response.writeHead(status, { 'Content-Type': type, 'Content-Length': bytes.length, 'Cache-Control': 'no-store' });
    response.end(bytes);
  }

  private cors(response: ServerResponse): void {
    const { corsOrigin } = this.parts;
    if (corsOrigin === '') return;
    response.setHeader('Access-Control-Allow-Origin', corsOrigin);
    response.setHeader('Access-Control-Expose-Headers', 'X-Request-Id, Retry-After');
    if (corsOrigin !== '*') response.setHeader('Vary', 'Origin');
  }
}

function preflight(response: ServerResponse): void {
  response.setHeader('Access-Control-Allow-Methods', 'POST');
  response.setHeader('Access-Control-Allow-Headers', 'Authorization, Content-Type, Accept');
  response.setHeader('Access-Control-Max-Age', PREFLIGHT_AGE_S);
  response.writeHead(204).end();
}
