import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startSystem, type RunningSystem } from '@magpie/testing';
import fc from 'fast-check';
import { PASSWORD, Person } from '../src/person.js';
import { DEVICES, sequences, transportOf } from '../src/sequence.js';
import { SequenceWorld } from '../src/sequence-world.js';

/** How many sequences, and from which seed; a failing one prints its seed and shrinks to the steps that it needs. */
const RUNS = Number(process.env['MAGPIE_SEQUENCES'] ?? 30);
const SEED = Number(process.env['MAGPIE_SEQUENCES_SEED'] ?? 1);
const RUN_WITHIN_MS = 60_000;
const START_MS = 90_000;

// Goal: whatever six people do on nine devices, each command is answered as a model says, and all devices come to show
// what the model says. Real: all services, Kafka, MongoDB, sockets, the SDK with its stores on disk.
describe('sequences of commands', () => {
  const folder = mkdtempSync(join(tmpdir(), 'magpie-sequences-'));
  let system: RunningSystem;
  let worlds = 0;

  beforeAll(async () => {
    system = await startSystem({ dataDir: join(folder, 'data'), env: { MESSAGING_STRANGERS: 'deny' } });
  }, START_MS);

  afterAll(async () => {
    await system.stop();
    rmSync(folder, { recursive: true, force: true });
  }, START_MS);

  /** Users of its own for every sequence: what one has left behind is nothing to the next. */
  function newWorld(): SequenceWorld {
    const world = ++worlds;
    const signedIn = new Set<number>();
    return new SequenceWorld(async (device) => {
      const user = DEVICES[device]!;
      const store = join(folder, `world-${world}`, `device-${device}`);
      const person = await Person.open(system.run, transportOf(device), store);
      const account = { userName: `user-${world}-${user}`, password: PASSWORD };
      if (signedIn.has(device)) await person.client.resume();
      else if (DEVICES.indexOf(user) === device) await person.client.register(account);
      else await person.client.login(account);
      signedIn.add(device);
      return person;
    });
  }

  it(
    `answers ${RUNS} sequences as the model does, and all devices agree with it`,
    async () => {
      const property = fc.asyncProperty(sequences, async ({ friends, steps }) => {
        const world = newWorld();
        try {
          await world.begin(friends.filter(([one, other]) => one !== other));
          for (const step of steps) await world.run(step);
          await world.converges();
        } finally {
          await world.close();
        }
      });
      await fc.assert(property, { numRuns: RUNS, seed: SEED });
    },
    RUNS * RUN_WITHIN_MS,
  );
});
