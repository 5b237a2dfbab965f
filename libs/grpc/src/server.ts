import type { Logger } from '@magpie/observability';
import type { GenericDefinition } from './definition.js';
import type { Handlers, Streams } from './handlers.js';

/** Serves definitions. */
export class GrpcServer {
  constructor(readonly options: { credential: string; logger: Logger }) {}

  serve<D extends GenericDefinition>(definition: D, handlers: Handlers<D>, streams?: Streams<D>): void {
    void [definition, handlers, streams];
  }

  listen(address: string): Promise<string> {
    return Promise.resolve(address);
  }

  close(deadlineMs: number): Promise<void> {
    return Promise.resolve(void deadlineMs);
  }
}
