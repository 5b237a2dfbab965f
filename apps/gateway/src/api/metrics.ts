import { counter, gauge, histogram } from '@magpie/observability';

/** Finding a metric by its labels costs more than counting; commands and codes are few. */
function remembered<Labels extends string[], T>(find: (...labels: Labels) => T): (...labels: Labels) => T {
  const known = new Map<string, T>();
  return (...labels) => {
    const key = labels.join(' ');
    let found = known.get(key);
    if (found === undefined) known.set(key, (found = find(...labels)));
    return found;
  };
}

export type Transport = 'tcp' | 'websocket' | 'http';

const links = gauge({ name: 'magpie_gateway_links', help: 'Open long links', labels: ['transport'] });
const closes = counter({
  name: 'magpie_gateway_link_closes_total',
  help: 'Long links that were closed, by cause',
  labels: ['cause'],
});
const framesIn = counter({ name: 'magpie_gateway_frames_in_total', help: 'Frames received' });
const framesOut = counter({ name: 'magpie_gateway_frames_out_total', help: 'Frames sent' });
const notices = counter({
  name: 'magpie_gateway_notices_total',
  help: 'Notices sent, with items or without',
  labels: ['items'],
});
const requests = counter({
  name: 'magpie_gateway_requests_total',
  help: 'Commands answered, by command and code',
  labels: ['command', 'code'],
});
const durations = histogram({
  name: 'magpie_gateway_request_duration_seconds',
  help: 'From a command’s arrival to its answer',
  labels: ['command'],
});

const requestsOf = remembered((command: string, code: string) => requests.labels(command, code));
const durationsOf = remembered((command: string) => durations.labels(command));
const withItems = notices.labels('yes');
const withoutItems = notices.labels('no');

export const metrics = {
  opened: (transport: Transport) => links.labels(transport).inc(),
  closed(transport: Transport, cause: string): void {
    links.labels(transport).dec();
    closes.labels(cause).inc();
  },
  /** A connection that never became a link. */
  refused: (cause: string) => closes.labels(cause).inc(),
  frameIn: () => framesIn.inc(),
  framesOut: (count: number) => framesOut.inc(count),
  notice: (items: boolean) => (items ? withItems : withoutItems).inc(),
  answered(command: string, code: string, durationMs: number): void {
    requestsOf(command, code).inc();
    durationsOf(command).observe(durationMs / 1000);
  },
};
