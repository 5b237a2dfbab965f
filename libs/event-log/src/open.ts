import type { EventLog, EventLogOptions } from './event-log.js';

/** Opens the log for one service: topics, generations, clock. */
export async function openEventLog(options: EventLogOptions): Promise<EventLog> {
  throw new Error(`the log of ${options.service} cannot be opened yet`);
}
