import type { Json } from './protobuf.js';

/** A `magpie.wire.v1.Error` as an answer; `http` is the status on the short link. */
export class ContractError extends Error {
  readonly code: unknown;

  constructor(
    readonly body: Json,
    readonly http?: number,
  ) {
    super(`${String(body['code'])}: ${String(body['message'])}`);
    this.code = body['code'];
  }
}
