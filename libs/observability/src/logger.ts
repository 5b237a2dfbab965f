import { pino, stdSerializers, type Logger as Pino } from 'pino';

/** Writes one JSON line per call. Fields first, then a message that stays the same for the same kind of event. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  /** A logger that adds these fields to every line. */
  child(fields: object): Logger;
}

/** Field names that never reach the output, at the top of a line and one level below. */
const SECRET_FIELDS = ['password', 'token', 'secret', 'accessToken', 'refreshToken', 'credential', 'authorization'];

/**
 * A logger for one process: pino JSON lines on standard output (or `destination`), with `name` in each, an error under
 * `err` with its stack, and secrets replaced. Lines are written at once, so that the last words of a dying process
 * are seen.
 */
export function createLogger(options: {
  name: string;
  level?: string;
  destination?: { write(line: string): unknown };
}): Logger {
  const settings = {
    name: options.name,
    level: options.level ?? 'info',
    serializers: { err: stdSerializers.errWithCause },
    redact: { paths: SECRET_FIELDS.flatMap((field) => [field, `*.${field}`]), censor: '[redacted]' },
    base: { name: options.name, pid: process.pid },
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  return wrap(options.destination ? pino(settings, { write: writer(options.destination) }) : pino(settings));
}

/** A logger that says nothing. */
export function silentLogger(): Logger {
  const nothing = (): void => undefined;
  const logger: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing, child: () => logger };
  return logger;
}

function writer(destination: { write(line: string): unknown }): (line: string) => void {
  return (line) => void destination.write(line);
}

function wrap(inner: Pino): Logger {
  return {
    debug: (fields, message) => inner.debug(fields, message),
    info: (fields, message) => inner.info(fields, message),
    warn: (fields, message) => inner.warn(fields, message),
    error: (fields, message) => inner.error(fields, message),
    child: (fields) => wrap(inner.child(fields)),
  };
}
