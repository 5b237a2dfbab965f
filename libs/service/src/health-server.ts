import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { renderMetrics } from '@magpie/observability';

/** How far a service is. */
export type ServiceState = 'starting' | 'ready' | 'stopping' | 'failed';

/** Serves /health and /metrics of the process. */
export interface HealthServer {
  readonly port: number;
  close(): Promise<void>;
}

/**
 * `/health`: 200 when every service of the process is ready, else 503, with the state of each. `/metrics`: the text
 * format of Prometheus. `port` 0 = any free one.
 */
export async function startHealthServer(options: {
  host: string;
  port: number;
  states(): Readonly<Record<string, ServiceState>>;
}): Promise<HealthServer> {
  const server = createServer((request, response) => {
    answer(request, response, options.states).catch(() => response.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  states: () => Readonly<Record<string, ServiceState>>,
): Promise<void> {
  const path = request.url?.split('?')[0];
  if (path === '/health') {
    const services = states();
    const ready = Object.values(services).every((state) => state === 'ready');
    const body = JSON.stringify({ status: ready ? 'ready' : 'not-ready', services });
    response.writeHead(ready ? 200 : 503, { 'content-type': 'application/json' }).end(body);
  } else if (path === '/metrics') {
    const { contentType, body } = await renderMetrics();
    response.writeHead(200, { 'content-type': contentType }).end(body);
  } else {
    response.writeHead(404).end();
  }
}
