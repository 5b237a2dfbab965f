import { descriptors } from '@magpie/contracts/descriptor';
import { jsonToProtobuf } from './json-transcoder.js';

const schema = descriptors().getMessage('magpie.messaging.v1.SendMessagesRequest')!;

// Goal: what is wrong is named by its whole path, as the services name it. Real: all.
describe('jsonToProtobuf', () => {
  it.each([
    ['{"messages":[{"clientId":"c1"},{"clientId":"c2","colour":"red"}]}', 'messages[1].colour'],
    ['{"messages":[{"clientTimeMs":"1"},{"clientTimeMs":"soon"}]}', 'messages[1].client_time_ms'],
    ['{"messages":[{"content":{"text":{"text":5}}}]}', 'messages[0].content.text.text'],
    ['{"messages":[{"mentions":["all",5]}]}', 'messages[0].mentions[1]'],
    ['{"messages":[{"clientTimeMs":"1","client_time_ms":"1"}]}', 'messages[0].client_time_ms'],
    ['{"messages":[{},5]}', 'messages[1]'],
    ['{"messages":5}', 'messages'],
    ['{"colour":"red"}', 'colour'],
    ['{"messages":', 'body'],
    ['5', 'body'],
  ])('names what is wrong in %s', (json, field) => {
    expect(() => jsonToProtobuf(schema, new TextEncoder().encode(json))).toThrow(
      expect.objectContaining({ code: 'INVALID', details: [expect.objectContaining({ field })] }),
    );
  });
});
