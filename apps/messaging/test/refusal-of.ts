import { DomainError } from '@magpie/domain';

/** What an action is refused with. Throws when it is not refused, or fails otherwise. */
export function refusalOf(action: () => unknown): DomainError {
  try {
    action();
  } catch (error) {
    if (error instanceof DomainError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}
