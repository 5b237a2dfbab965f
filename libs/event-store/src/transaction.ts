import type { Connection, mongo } from 'mongoose';
import { unavailable } from '@magpie/domain';

const TRANSACTION_TIMEOUT_MS = 10_000;
export const RETRY_AFTER_MS = 1_000;

/** Runs `work` in one transaction, again while others are in its way; UNAVAILABLE after {@link TRANSACTION_TIMEOUT_MS}. */
export async function inTransaction(
  connection: Connection,
  work: (session: mongo.ClientSession) => Promise<void>,
): Promise<void> {
  const session = await connection.startSession();
  const deadline = performance.now() + TRANSACTION_TIMEOUT_MS;
  try {
    // The driver repeats a transaction for two minutes and offers no bound of its own.
    await session.withTransaction(() => {
      if (performance.now() > deadline) throw unavailable('the event store', RETRY_AFTER_MS);
      return work(session);
    });
  } finally {
    await session.endSession();
  }
}
