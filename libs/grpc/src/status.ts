import { Metadata, status, type ServiceError, type StatusObject } from '@grpc/grpc-js';
import { ERRORS, toDomainError, toWireError, wire } from '@magpie/contracts';
import { DomainError, unavailable } from '@magpie/domain';
import { asBuffer, asBytes } from './definition.js';

/** Trailer with the encoded `wire.Error`. */
const ERROR_TRAILER = 'magpie-error-bin';

/** Statuses that the transport makes when the other side is not there or not in time. */
const TRANSPORT_TROUBLE = new Set([status.UNAVAILABLE, status.DEADLINE_EXCEEDED, status.CANCELLED]);

/** Whether an error is one that callers are meant to see, rather than a bug. */
export function isExpected(error: unknown): error is DomainError {
  return error instanceof DomainError && error.code in ERRORS && error.code !== 'INTERNAL';
}

/** How an error leaves a unary call: its status, and the whole of it in a trailer. */
export function statusOf(error: unknown): Pick<StatusObject, 'code' | 'details' | 'metadata'> {
  const told = toWireError(error);
  const row = ERRORS[wire.Code[told.code] as keyof typeof ERRORS];
  const metadata = new Metadata();
  metadata.set(ERROR_TRAILER, asBuffer(wire.Error.encode(told).finish()));
  return { code: row.grpc, details: told.message, metadata };
}

/** The inverse; `peer` names who did not answer when the trouble is the transport's. */
export function errorOf(failure: ServiceError, peer: string): DomainError {
  const [trailer] = failure.metadata?.get(ERROR_TRAILER) ?? [];
  if (trailer instanceof Buffer) return toDomainError(wire.Error.decode(asBytes(trailer)));
  if (TRANSPORT_TROUBLE.has(failure.code)) return unavailable(peer, undefined, failure);
  return new DomainError('internal', 'INTERNAL', `${peer}: ${failure.message}`, { cause: failure });
}

/** Whether the peer was not reached, as opposed to having answered or taken too long: another may be asked. */
export function isUnreached(failure: ServiceError): boolean {
  return failure.code === status.UNAVAILABLE && failure.metadata?.get(ERROR_TRAILER).length === 0;
}

/** The caller is not one of ours. It learns nothing more. */
export const UNAUTHENTICATED = { code: status.UNAUTHENTICATED, details: 'caller credential required' };
