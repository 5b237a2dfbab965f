import { EVENTS } from '@magpie/contracts';
import { eventually } from '@magpie/testing';
import { GroupSystem } from './group-system.js';

const CHANGED = 'magpie.messaging.v1.GroupChanged';
const WAIT_MS = 30_000;

// Goal: after the message log was lost, who is in a group stands in it again before anything new of the group. Real: the
// service, Kafka, MongoDB. Auth and social are stood in for.
describe('a message log that was lost', () => {
  let system: GroupSystem;

  beforeAll(async () => {
    system = await GroupSystem.start();
  }, 60_000);
  afterAll(() => system.stop(), 60_000);

  it('gets its groups back first', async () => {
    const { group } = await system.call('createGroup', 'uann', {
      name: 'n',
      members: ['ubob', 'ucid'],
      commandId: 'c1',
    });
    const { groupId } = group!;
    await system.call('removeMember', 'uann', { groupId, userId: 'ubob', commandId: 'c2' });
    const records = () => system.published.filter(({ key }) => key === `g.${groupId}`);
    await eventually(() => expect(records()).toHaveLength(4));

    await system.loseLog('messaging.message.v1');
    await eventually(
      () => system.call('removeMember', 'uann', { groupId, userId: 'ucid', commandId: 'c3' }).then(() => undefined),
      WAIT_MS,
    );
    await eventually(() => expect(records().at(-1)).toMatchObject({ version: 6 }), WAIT_MS);
    const again = records().filter(({ generation }) => generation > 1);
    const firsts = again.filter(({ version }, at) => again.findIndex((one) => one.version === version) === at);
    expect(firsts.map(({ version }) => version)).toEqual([1, 2, 3, 4, 5, 6]);
    const changes = firsts.flatMap(({ events }) => events.filter(({ type }) => type === CHANGED));
    const told = changes.map(({ body }) => EVENTS[CHANGED].decode(body)).map(({ joined, left }) => [joined, left]);
    expect(told).toEqual([
      [['uann', 'ubob', 'ucid'], []],
      [[], ['ubob']],
      [[], ['ucid']],
    ]);
  }, 90_000);
});
