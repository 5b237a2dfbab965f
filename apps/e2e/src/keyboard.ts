import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

const MAIN = join(fileURLToPath(new URL('../../../../', import.meta.url)), 'tools/dist/chat/main.js');
const LISTEN_SECONDS = 2;

/** Types lines into `npm run chat`, waits a moment for what arrives, and answers what was on the screen. Rejects with it when something was refused. */
export async function type(dataDir: string, name: string, password: string, lines: readonly string[]): Promise<string> {
  const args = [MAIN, name, '--data', dataDir, '--password', password, '--wait', String(LISTEN_SECONDS)];
  const child = spawn(process.execPath, args, { stdio: 'pipe' });
  child.stdin.end(`${lines.join('\n')}\n`);
  const [shown, trouble, code] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    new Promise<number | null>((resolve) => child.on('close', resolve)),
  ]);
  if (code !== 0) throw new Error(`${name} saw:\n${shown}${trouble}`);
  return shown;
}
