import type { Caller } from './caller.js';
import { prepareCall, type AnyService, type RequestOf, type ResponseOf } from './commands.js';
import type { Clock, Random } from './ports.js';
import { retried } from './retried.js';

/** Gives commands their id and repeats them with it. */
export class Commander {
  constructor(
    private readonly caller: Caller,
    private readonly clock: Clock,
    private readonly random: Random,
  ) {}

  /** A command that changes something: tried up to three times while its end is not known. */
  command<D extends AnyService, K extends keyof D['methods'] & string>(
    definition: D,
    method: K,
    request: Omit<RequestOf<D['methods'][K]>, 'commandId'>,
  ): Promise<ResponseOf<D['methods'][K]>> {
    const whole = { ...request, commandId: this.random.id() } as RequestOf<D['methods'][K]>;
    return retried(this.clock, () => this.ask(definition, method, whole));
  }

  /** A question, or a command that has no id: tried once. */
  ask<D extends AnyService, K extends keyof D['methods'] & string>(
    definition: D,
    method: K,
    request: RequestOf<D['methods'][K]>,
  ): Promise<ResponseOf<D['methods'][K]>> {
    return this.caller.call(prepareCall(definition, method, request));
  }
}
