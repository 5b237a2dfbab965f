import { mongo } from 'mongoose';

const DUPLICATE_KEY = 11000;

/** Server error codes after which the same operation may succeed: elections, shutdowns, network and time limits. */
const TRANSIENT_CODES = new Set([6, 7, 50, 64, 89, 91, 189, 262, 9001, 10107, 11600, 11602, 13435, 13436]);

/** Whether an error is E11000, alone or anywhere inside a bulk error. */
export function isDuplicateKey(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if ('code' in error && error.code === DUPLICATE_KEY) return true;
  return writeErrorsOf(error).some((one) => one.code === DUPLICATE_KEY);
}

/**
 * Whether the same operation may succeed later: the network, an election, a restart of the server, or too few nodes that
 * confirmed it. A bulk error may name duplicates as well then: what it did is not durable, so ask this first.
 */
export function isTransient(error: unknown): boolean {
  if (error instanceof mongo.MongoNetworkError || error instanceof mongo.MongoServerSelectionError) return true;
  if (error instanceof mongo.MongoWriteConcernError || isUnsure(error)) return true;
  if (!(error instanceof mongo.MongoError)) return false;
  if (error.hasErrorLabel('RetryableWriteError') || error.hasErrorLabel('TransientTransactionError')) return true;
  return typeof error.code === 'number' && TRANSIENT_CODES.has(error.code);
}

/** Whether a bulk may be rolled back; beside errors of single documents the driver tells that in the result alone. */
function isUnsure(error: unknown): boolean {
  return error instanceof mongo.MongoBulkWriteError && error.result?.getWriteConcernError() !== undefined;
}

/** Where in a bulk the error lies (index into what was given) and which. */
export interface BulkWriteError {
  readonly index: number;
  readonly code: number;
}

/** The errors of single documents inside a bulk error; empty for any other error. */
export function writeErrorsOf(error: unknown): readonly BulkWriteError[] {
  if (!(error instanceof Error) || !('writeErrors' in error)) return [];
  const { writeErrors } = error;
  return (Array.isArray(writeErrors) ? writeErrors : [writeErrors]) as BulkWriteError[];
}
