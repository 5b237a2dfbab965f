import { Message } from './messaging.js';
import { appendFields, int64Field, renderFor } from './rendering.js';

// Goal: parts written one after another decode as one message. Real: the generated codecs.
describe('rendering', () => {
  const common = Message.encode(Message.fromPartial({ messageId: 'm1', from: 'ua', to: 'ub' })).finish();
  const renderings = [
    { users: ['ua'], body: Message.encode(Message.fromPartial({ peer: 'ub', clientId: 'c1' })).finish() },
    { users: ['ub'], body: Message.encode(Message.fromPartial({ peer: 'ua' })).finish() },
  ];

  it('gives each reader the common fields and their own', () => {
    const position = 3 * 2 ** 44 + 7;
    const placed = appendFields(common, int64Field(5, position));
    const forSender = Message.decode(renderFor('ua', placed, renderings));
    const forReader = Message.decode(renderFor('ub', placed, renderings));
    expect(forSender).toMatchObject({ messageId: 'm1', peer: 'ub', clientId: 'c1', position });
    expect(forReader).toMatchObject({ messageId: 'm1', peer: 'ua', clientId: '', position });
  });

  it('gives everybody what names nobody', () => {
    const forAll = { users: [], body: Message.encode(Message.fromPartial({ peer: 'g1' })).finish() };
    const forOne = { users: ['ua'], body: Message.encode(Message.fromPartial({ clientId: 'c1' })).finish() };
    const seenBy = (user: string) => Message.decode(renderFor(user, common, [forAll, forOne]));
    expect([seenBy('ua'), seenBy('uc')]).toMatchObject([
      { messageId: 'm1', peer: 'g1', clientId: 'c1' },
      { messageId: 'm1', peer: 'g1', clientId: '' },
    ]);
  });
});
