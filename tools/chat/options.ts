import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

export const USAGE = `npm run chat -- <name> [--server URL] [--data DIR] [--password P] [--wait SECONDS]

  <name>      your user name; its state is kept under DIR/chat/<name>
  --server    the gateway's HTTP address (default: what runs on this machine, from DIR/run.json)
  --data      default .data
  --password  or CHAT_PASSWORD; asked for when neither is given
  --wait      without a terminal: seconds to go on listening after the last line`;

/** What ends the program with one line. */
export class ChatError extends Error {}

export interface ChatOptions {
  readonly name: string;
  readonly http: string;
  readonly ws: string;
  readonly tcp: string | undefined;
  readonly directory: string;
  readonly password: string | undefined;
  readonly waitMs: number;
}

export async function readOptions(args: string[], env: NodeJS.ProcessEnv): Promise<ChatOptions | 'help'> {
  const { values, positionals } = parse(args);
  if (values.help) return 'help';
  const name = positionals[0];
  if (name === undefined || positionals.length > 1) throw new ChatError(`who are you?\n\n${USAGE}`);
  if (!/^[a-z][a-z0-9_-]{2,31}$/.test(name)) {
    throw new ChatError(`"${name}" is not a user name: 3 to 32 of a-z, 0-9, _ and -, starting with a letter`);
  }
  const waitMs = Number(values.wait ?? 0) * 1000;
  if (!(waitMs >= 0)) throw new ChatError(`--wait: "${values.wait}" is not a number of seconds`);
  const data = resolve(values.data ?? '.data');
  const server = values.server === undefined ? await running(data) : given(values.server);
  return {
    ...server,
    name,
    directory: join(data, 'chat', name),
    password: values.password ?? env['CHAT_PASSWORD'],
    waitMs,
  };
}

function parse(args: string[]) {
  try {
    const option = { type: 'string' } as const;
    return parseArgs({
      args,
      allowPositionals: true,
      options: { server: option, data: option, password: option, wait: option, help: { type: 'boolean', short: 'h' } },
    });
  } catch (error) {
    throw new ChatError(`${(error as Error).message}\n\n${USAGE}`);
  }
}

async function running(data: string): Promise<Pick<ChatOptions, 'http' | 'ws' | 'tcp'>> {
  const path = join(data, 'run.json');
  const text = await readFile(path, 'utf8').catch(() => undefined);
  if (text === undefined) {
    throw new ChatError(`no server is running here (no ${path}): start it with npm start, or give --server URL`);
  }
  return JSON.parse(text) as Pick<ChatOptions, 'http' | 'ws' | 'tcp'>;
}

function given(server: string): Pick<ChatOptions, 'http' | 'ws' | 'tcp'> {
  if (!URL.canParse(server) || !/^https?:$/.test(new URL(server).protocol)) {
    throw new ChatError(`--server: "${server}" is not an http address`);
  }
  const ws = new URL('/ws', server);
  ws.protocol = ws.protocol === 'https:' ? 'wss:' : 'ws:';
  return { http: server, ws: ws.href, tcp: undefined };
}
