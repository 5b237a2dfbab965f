import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A process of a running system. */
export interface RunProcess {
  /** `supervisor`, `kafka`, `mongod`, `magpie`, or a service (`sync`, `sync-2`). */
  readonly name: string;
  readonly pid: number;
}

/** Where clients reach one gateway. */
export interface RunDoor {
  /** `http://127.0.0.1:PORT` */
  readonly http: string;
  /** `ws://127.0.0.1:PORT/ws` */
  readonly ws: string;
  /** `127.0.0.1:PORT` */
  readonly tcp: string;
}

/** What `run.json` says while a system runs. Processes that are down at the moment are not in it. Its own addresses are the first gateway's. */
export interface RunInfo extends RunDoor {
  /** Of every gateway, the first one's (which stand above too) first. */
  readonly doors: readonly RunDoor[];
  /** `host:port`, several separated by commas. */
  readonly kafka: string;
  /** A connection string. */
  readonly mongodb: string;
  readonly processes: readonly RunProcess[];
}

/** Where a system notes what runs; the file is gone after a clean stop. */
export const runFile = (dataDir: string): string => join(dataDir, 'run.json');

/** Reads run.json of a data directory; undefined when nothing runs there. */
export async function readRunInfo(dataDir: string): Promise<RunInfo | undefined> {
  try {
    return JSON.parse(await readFile(runFile(dataDir), 'utf8')) as RunInfo;
  } catch {
    return undefined;
  }
}
