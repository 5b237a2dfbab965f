import { copyFile, open, stat, truncate } from 'node:fs/promises';

const POLL_MS = 500;
const READ_BYTES_MAX = 256 * 1024;
const LINES_MAX = 5;

/** A log that grew beyond this while its process runs is set aside as `<name>.1` and begun anew. */
const LOG_BYTES_MAX = 64 * 1024 * 1024;

/** pino's number for "error". */
const ERROR_LEVEL = 50;

/** Shows the errors that a log receives from now on, at most five at a time. Answers a function that ends it. */
export async function watchLog(name: string, file: string, say: (line: string) => void): Promise<() => void> {
  let offset = (await stat(file).catch(() => undefined))?.size ?? 0;
  let rest = '';
  let busy = false;

  async function look(): Promise<void> {
    const size = (await stat(file)).size;
    if (size < offset) offset = 0;
    if (size > offset) {
      const text = await readPart(file, Math.max(offset, size - READ_BYTES_MAX), size);
      offset = size;
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      report(lines.map(errorIn).filter((line) => line !== undefined));
    }
    if (size <= LOG_BYTES_MAX) return;
    await copyFile(file, `${file}.1`);
    await truncate(file);
  }

  function report(errors: readonly string[]): void {
    for (const error of errors.slice(0, LINES_MAX)) say(`${name}: ${error}`);
    if (errors.length > LINES_MAX) say(`${name}: … and ${errors.length - LINES_MAX} more errors, see ${file}`);
  }

  const timer = setInterval(() => {
    if (busy) return;
    busy = true;
    // A log that is rotated or removed under us is looked at again in the next round.
    void look()
      .catch(() => undefined)
      .finally(() => (busy = false));
  }, POLL_MS);
  timer.unref();
  return () => clearInterval(timer);
}

/** The message of a JSON log line of level error or above; undefined for every other line. */
export function errorIn(line: string): string | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    const { level, msg, err } = JSON.parse(line) as { level?: unknown; msg?: unknown; err?: { message?: unknown } };
    const isError = typeof level === 'number' ? level >= ERROR_LEVEL : level === 'error' || level === 'fatal';
    if (!isError) return undefined;
    const text = typeof msg === 'string' ? msg : 'error';
    const cause = err?.message;
    return typeof cause === 'string' && !text.includes(cause) ? `${text}: ${cause}` : text;
  } catch {
    return undefined;
  }
}

async function readPart(file: string, from: number, to: number): Promise<string> {
  const handle = await open(file, 'r');
  try {
    const buffer = Buffer.alloc(to - from);
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, from);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await handle.close();
  }
}
