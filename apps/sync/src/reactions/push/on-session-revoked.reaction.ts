import { auth } from '@magpie/contracts';
import { PoisonError, type ConsumerSpec } from '@magpie/event-log';
import type { Registrations } from '../../commands/push/registrations.js';

const SESSION_REVOKED = 'magpie.auth.v1.SessionRevoked';

/** `sync.push`: a device that has no session any more is not called. */
export function onSessionRevoked(registrations: Pick<Registrations, 'endSession'>, now: () => number): ConsumerSpec {
  return {
    name: 'sync.push',
    topics: ['auth.session.v1'],
    onPoison: 'stop',
    gain: () =>
      Promise.resolve({
        process: async (records) => {
          for (const record of records) {
            for (const { type, body } of record.events) {
              if (type === SESSION_REVOKED) await registrations.endSession(revokedIn(body, record), now());
            }
          }
        },
        state: () => ({}),
        lost: () => undefined,
      }),
  };
}

function revokedIn(body: Uint8Array, record: ConstructorParameters<typeof PoisonError>[1]): auth.SessionRevoked {
  try {
    return auth.SessionRevoked.decode(body);
  } catch (error) {
    throw new PoisonError('a revocation cannot be read', record, error);
  }
}
