import type { LoggerService } from '@nestjs/common';
import type { Logger } from '@magpie/observability';

/** Nest's own words through our logger; its progress reports are details. */
export function nestLogger(logger: Logger): LoggerService {
  const fields = (more: unknown[]): object => ({ from: 'nest', context: more.at(-1) });
  return {
    log: (message: unknown, ...more: unknown[]) => logger.debug(fields(more), String(message)),
    debug: (message: unknown, ...more: unknown[]) => logger.debug(fields(more), String(message)),
    verbose: (message: unknown, ...more: unknown[]) => logger.debug(fields(more), String(message)),
    warn: (message: unknown, ...more: unknown[]) => logger.warn(fields(more), String(message)),
    error: (message: unknown, ...more: unknown[]) => logger.error(fields(more), String(message)),
  };
}
