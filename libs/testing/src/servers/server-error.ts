/** What can keep a server from starting; each has a one-line message that says what to do. */
export type ServerErrorCode =
  | 'JAVA_MISSING'
  | 'JAVA_TOO_OLD'
  | 'MAVEN_MISSING'
  | 'PYTHON_MISSING'
  | 'LIBRARY_MISSING'
  | 'PLATFORM_UNSUPPORTED'
  | 'DISK_TOO_SMALL'
  | 'FETCH_FAILED'
  | 'FETCH_BUSY'
  | 'HASH_MISMATCH'
  | 'PORT_IN_USE'
  | 'DATA_DIR_IN_USE'
  | 'START_FAILED';

/** A server, or what it needs, is not there. `message` is one line for people; `detail` may hold the tail of a log. */
export class ServerError extends Error {
  constructor(
    readonly code: ServerErrorCode,
    message: string,
    readonly detail?: string,
  ) {
    super(message);
    this.name = 'ServerError';
  }
}

/** The way out for those who cannot or will not install what a local server needs. */
export const KAFKA_WAY_OUT = 'or use deploy/compose.yaml, or set KAFKA_BROKERS to a Kafka of your own';
export const MONGOD_WAY_OUT = 'or use deploy/compose.yaml, or set MONGODB_URI to a replica set of your own';
