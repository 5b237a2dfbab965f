import { wire } from '@magpie/contracts';
import { unavailable } from '@magpie/domain';
import type { Peers } from '@magpie/grpc';
import { RIGHTS_KEPT_MS, SocialRights } from './rights.client.js';

/** Social with one answer for all, and how often it was asked. */
function asking(first: wire.Code) {
  const social = { code: first, asked: 0, away: false };
  let nowMs = 0;
  const judgePairs = async ({ pairs }: { pairs: readonly unknown[] }) => {
    social.asked += 1;
    if (social.away) throw unavailable('social');
    return { verdicts: pairs.map(() => social.code) };
  };
  const peers = { client: () => ({ judgePairs }) } as unknown as Peers;
  const rights = new SocialRights(peers, () => nowMs);
  const ask = async (from = 'ua', to = 'ub') => (await rights.refusalOf(from, to, 'r1'))?.code;
  return { social, ask, pass: (ms: number) => (nowMs += ms) };
}

// Goal: nobody is refused by an old answer, and a yes is never older than its bound. Social is in memory.
describe('SocialRights', () => {
  it('takes a yes for granted for as long as the bound says', async () => {
    const { social, ask, pass } = asking(wire.Code.OK);
    expect(await ask()).toBeUndefined();
    social.code = wire.Code.NOT_FRIENDS;
    pass(RIGHTS_KEPT_MS - 1);
    expect([await ask(), social.asked]).toEqual([undefined, 1]);
    pass(1);
    expect([await ask(), social.asked]).toEqual(['NOT_FRIENDS', 2]);
  });

  it('asks again after each no, and for each direction', async () => {
    const { social, ask } = asking(wire.Code.BLOCKED);
    expect([await ask(), await ask()]).toEqual(['BLOCKED', 'BLOCKED']);
    social.code = wire.Code.OK;
    expect(await ask()).toBeUndefined();
    social.code = wire.Code.NOT_FRIENDS;
    expect(await ask('ub', 'ua')).toBe('NOT_FRIENDS');
    expect(social.asked).toBe(4);
  });

  it('asks nobody about notes to oneself', async () => {
    const { social, ask } = asking(wire.Code.NOT_FRIENDS);
    expect([await ask('ua', 'ua'), social.asked]).toEqual([undefined, 0]);
  });

  it('refuses nobody when social is away: that is not known, and said so', async () => {
    const { social, ask } = asking(wire.Code.OK);
    social.away = true;
    await expect(ask()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });
});
