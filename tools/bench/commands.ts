import { randomBytes } from 'node:crypto';
import { COMMANDS } from '@magpie/contracts';

/** The operation of a client command by its name at the edge. */
export function operationOf(name: string): number {
  for (const command of COMMANDS.values()) if (command.name === name) return command.id;
  throw new Error(`there is no command ${name}`);
}

export function commandId(): string {
  return randomBytes(12).toString('hex');
}
