import { resolve } from 'node:path';
import { parseArgs } from 'node:util';

export const USAGE = `npm run rebuild -- <service> <view> [--data DIR]

  Makes a view anew from its sources while the system runs (DIR/run.json), and puts it in the place of the old one.
  <service>  who has the view: social
  <view>     its collection: view_profile; without it, the views of the service are listed
  --data     default .data`;

/** What ends the program with one line. */
export class RebuildError extends Error {}

export interface RebuildOptions {
  readonly service: string;
  /** Undefined: list them. */
  readonly view: string | undefined;
  readonly data: string;
}

export function readOptions(args: string[]): RebuildOptions | 'help' {
  const { values, positionals } = parse(args);
  if (values.help) return 'help';
  const [service, view, ...rest] = positionals;
  if (service === undefined || rest.length > 0) throw new RebuildError(`which view of which service?\n\n${USAGE}`);
  if (!/^[a-z]+$/.test(service)) throw new RebuildError(`"${service}" is not the name of a service`);
  return { service, view, data: resolve(values.data ?? '.data') };
}

function parse(args: string[]) {
  try {
    const options = { data: { type: 'string' }, help: { type: 'boolean', short: 'h' } } as const;
    return parseArgs({ args, allowPositionals: true, options });
  } catch (error) {
    throw new RebuildError(`${(error as Error).message}\n\n${USAGE}`);
  }
}
