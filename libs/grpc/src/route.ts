import { METHODS, written, type MethodInfo, type MethodName } from '@magpie/contracts';
import { DomainError } from '@magpie/domain';
import { counter, histogram, type Logger } from '@magpie/observability';
import { methodName, type GenericDefinition, type GenericMethod } from './definition.js';
import type { Caller } from './handlers.js';
import { isExpected } from './status.js';

const calls = counter({
  name: 'magpie_grpc_handled_total',
  help: 'Calls handled, by method and error code',
  labels: ['method', 'code'],
});
const seconds = histogram({
  name: 'magpie_grpc_handled_seconds',
  help: 'Time from a decoded request to its answer',
  labels: ['method'],
});

const overdue = counter({
  name: 'magpie_grpc_overdue_total',
  help: 'Items of Exchange answered UNAVAILABLE because their time was over',
  labels: ['method'],
});

/** Counts a call whose caller has stopped waiting while its handler goes on. */
export function countOverdue(route: Route): void {
  overdue.inc({ method: route.name });
}

type Handler = (request: unknown, caller: Caller) => Promise<unknown>;

/** One unary method with its handler: the same for a unary call and for an item of Exchange. */
export interface Route {
  readonly name: string;
  /** undefined = marked for nobody. */
  readonly info: MethodInfo | undefined;
  /** Encoded request in, encoded response out. Throws what the caller may be told; bugs are logged here. */
  call(body: Uint8Array, caller: Caller): Promise<Uint8Array>;
}

/** The mark of an rpc in the table of methods. */
export function infoOf(definition: GenericDefinition, method: GenericMethod): MethodInfo | undefined {
  return METHODS[methodName(definition, method) as MethodName] as MethodInfo | undefined;
}

export function makeRoute(
  definition: GenericDefinition,
  method: GenericMethod,
  handler: Handler,
  logger: Logger,
): Route {
  const name = methodName(definition, method);
  const { requestType, responseType } = method;
  const ok = calls.labels(name, 'OK');
  const time = seconds.labels(name);

  const decode = (body: Uint8Array): unknown => {
    try {
      return requestType.decode(body);
    } catch (cause) {
      throw new DomainError('invalid', 'INVALID', 'the request cannot be decoded', { cause });
    }
  };

  return {
    name,
    info: infoOf(definition, method),
    async call(body, caller) {
      const started = performance.now();
      try {
        const response = await handler(decode(body), caller);
        const encoded = written((writer) => responseType.encode(response as never, writer));
        ok.inc();
        return encoded;
      } catch (error) {
        const expected = isExpected(error);
        calls.inc({ method: name, code: expected ? error.code : 'INTERNAL' });
        if (!expected) logger.error({ err: error, method: name, requestId: caller.requestId }, 'handler failed');
        throw error;
      } finally {
        time.observe((performance.now() - started) / 1000);
      }
    },
  };
}
