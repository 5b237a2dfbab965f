import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { messaging } from '@magpie/contracts';
import { collectionOf } from '@magpie/mongo';
import type { ArmedFault } from '@magpie/observability';
import { eventually } from '@magpie/testing';
import { GroupSystem } from './group-system.js';

const WAIT_MS = 30_000;
const POINTS = ['group.after-commit', 'relay.after-append'] as const;

// Goal: a command of a group whose process dies between commit and answer is done once, and its retry says so. Real: the
// process and its death, Kafka, MongoDB. Auth and social are stood in for.
describe('a process that dies under a command of a group', () => {
  let system: GroupSystem;
  let folder: string;

  beforeAll(async () => {
    system = await GroupSystem.start();
    await system.stopService();
    folder = mkdtempSync(join(tmpdir(), 'magpie-groups-'));
  }, 60_000);
  afterAll(async () => {
    await system.stop();
    rmSync(folder, { recursive: true, force: true });
  }, 60_000);

  it.each(POINTS)(
    '%s',
    async (point) => {
      const file = join(folder, `${point}.json`);
      const fault: ArmedFault = { point, pass: 1, action: 'kill' };
      writeFileSync(file, JSON.stringify(fault));
      const victim = await system.startVictim(file);
      const died = once(victim, 'exit');
      const owner = `u${point.replaceAll(/\W/g, '')}`;
      const create = () => system.call('createGroup', owner, { name: 'trio', members: ['ub', 'uc'], commandId: 'c1' });
      try {
        await expect(create()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
        await died;
      } finally {
        victim.kill('SIGKILL');
      }
      await system.stopService();
      await system.startService();
      try {
        const answers: (messaging.Group | undefined)[] = [];
        // Until the lease of the dead one has run out nobody publishes.
        await eventually(async () => void answers.push((await create()).group), WAIT_MS);
        answers.push((await create()).group);
        const [first, second] = answers as [messaging.Group, messaging.Group];
        expect(second).toEqual(first);
        const key = `g.${first.groupId}`;
        const commits = await collectionOf(system.database, 'commits')
          .find({ '_id.stream': `group:${key}` })
          .toArray();
        expect(commits.map(({ unpublished }) => unpublished)).toEqual([undefined, undefined]);
        const versions = () => system.published.filter((record) => record.key === key).map(({ version }) => version);
        await eventually(() => expect(new Set(versions())).toEqual(new Set([1, 2])), WAIT_MS);
        expect((await system.call('getGroup', 'ub', { groupId: first.groupId })).group).toEqual(first);
      } finally {
        await system.stopService();
      }
    },
    60_000,
  );
});
