import mongoose, { type Connection } from 'mongoose';
import { unavailable } from '@magpie/domain';
import type { Logger } from '@magpie/observability';

/** How long to look for a primary before an operation fails. */
const SERVER_SELECTION_MS = 5_000;
const CONNECT_MS = 3_000;
/** A socket without an answer for so long is dead. */
const SOCKET_MS = 30_000;
const POOL_MAX = 32;

/**
 * A mongoose connection to one database: writes acknowledged by a majority and journaled, reads of what a majority has,
 * no buffering, no automatic collections or indexes, `undefined` fields left out. Throws UNAVAILABLE after
 * `selectionMs` (5 s) without a primary, as every later operation does.
 */
export async function connectMongo(options: {
  uri: string;
  database: string;
  logger: Logger;
  selectionMs?: number;
}): Promise<Connection> {
  const selectionMs = options.selectionMs ?? SERVER_SELECTION_MS;
  const connection = mongoose.createConnection(options.uri, {
    dbName: options.database,
    writeConcern: { w: 'majority', journal: true },
    readConcern: { level: 'majority' },
    readPreference: 'primary',
    retryWrites: true,
    ignoreUndefined: true,
    bufferCommands: false,
    autoIndex: false,
    autoCreate: false,
    serverSelectionTimeoutMS: selectionMs,
    connectTimeoutMS: CONNECT_MS,
    socketTimeoutMS: SOCKET_MS,
    maxPoolSize: POOL_MAX,
  });
  const logger = options.logger.child({ database: options.database });
  connection.on('error', (error: unknown) => logger.warn({ err: error }, 'database connection error'));
  try {
    await connection.asPromise();
  } catch (error) {
    await connection.destroy().catch(() => undefined);
    throw unavailable('MongoDB', undefined, error);
  }
  let closing = false;
  connection.on('disconnecting', () => (closing = true));
  connection.on('disconnected', () => {
    if (!closing) logger.warn({}, 'database disconnected');
  });
  connection.on('reconnected', () => logger.info({}, 'database reconnected'));
  return connection;
}
