import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';

import { writeFileAtomic } from './files.js';
import { ServerError } from './server-error.js';

/** Below the range from which systems take the ports of outgoing connections (32768 on Linux, 49152 elsewhere). */
const PORT_MIN = 20_000;
const PORT_MAX = 32_000;
const ATTEMPTS_MAX = 100;

/** Ports by name, kept in a file so that a later start finds the same addresses. */
export interface PortMemory {
  /**
   * The port of `name`: the remembered one when it is free, else `preferred` when that is free, else any free one.
   * Throws PORT_IN_USE when no port is free.
   */
  choose(name: string, preferred?: number): Promise<number>;
}

/** Opens the memory in `file` (made when missing); `onMoved` hears of a remembered port that was taken meanwhile. */
export async function openPortMemory(
  file: string,
  onMoved: (name: string, from: number, to: number) => void = () => undefined,
): Promise<PortMemory> {
  const ports = await readPorts(file);
  const chosen = new Map<string, number>();

  async function pick(name: string, preferred?: number): Promise<number> {
    const wanted = [ports[name], preferred].filter((port) => port !== undefined);
    const others = new Set([...chosen].filter(([other]) => other !== name).map(([, port]) => port));
    for (const port of wanted) if (!others.has(port) && (await isPortFree(port))) return port;
    const known = new Set([...others, ...Object.values(ports)]);
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
      const port = PORT_MIN + Math.floor(Math.random() * (PORT_MAX - PORT_MIN));
      if (!known.has(port) && (await isPortFree(port))) return port;
    }
    throw new ServerError('PORT_IN_USE', `no free port found between ${PORT_MIN} and ${PORT_MAX}`);
  }

  let turn: Promise<unknown> = Promise.resolve();
  const choose = async (name: string, preferred?: number): Promise<number> => {
    const before = ports[name];
    const port = await pick(name, preferred);
    chosen.set(name, port);
    ports[name] = port;
    if (before !== port) await writeFileAtomic(file, `${JSON.stringify(ports, undefined, 2)}\n`);
    if (before !== undefined && before !== port) onMoved(name, before, port);
    return port;
  };
  return {
    choose: (name, preferred) => {
      const result = turn.then(() => choose(name, preferred));
      turn = result.catch(() => undefined);
      return result;
    },
  };
}

/** Whether a server could listen on `port` now, on this machine's own address and on all of them. */
export async function isPortFree(port: number): Promise<boolean> {
  return (await canListen(port, '127.0.0.1')) && (await canListen(port));
}

/** Throws PORT_IN_USE when something listens on `port`. */
export async function requireFreePort(port: number, server: string): Promise<void> {
  if (await isPortFree(port)) return;
  throw new ServerError(
    'PORT_IN_USE',
    `${server}: port ${port} is in use by another program: end it or choose another port`,
  );
}

function canListen(port: number, host?: string): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

async function readPorts(file: string): Promise<Record<string, number>> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Record<string, number>;
  } catch {
    return {};
  }
}
