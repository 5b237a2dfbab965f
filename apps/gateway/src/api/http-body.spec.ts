import { answerType } from './http-body.js';

const [protobuf, json] = ['application/x-protobuf', 'application/json'] as const;

// Goal: the answer has the form that the caller can read. Real: all.
describe('answerType', () => {
  it.each([
    [undefined, json, json],
    ['*/*', protobuf, protobuf],
    [json, protobuf, json],
    [`${json};q=0.5, ${protobuf}`, json, protobuf],
    [`text/html, ${json};q=0.1`, protobuf, json],
    [`${json};q=0`, protobuf, protobuf],
    ['text/html', json, json],
  ] as const)('Accept: %s after %s gives %s', (accept, fallback, expected) => {
    expect(answerType(accept, fallback)).toBe(expected);
  });
});
