import type { IncomingMessage } from 'node:http';
import { DomainError } from '@magpie/domain';
import { HTTP_BODY_MAX } from '../domain/limits.js';

/** The forms in which a body may come and go. */
export type BodyType = 'application/x-protobuf' | 'application/json';

const TYPES: Readonly<Record<string, BodyType>> = {
  'application/x-protobuf': 'application/x-protobuf',
  'application/json': 'application/json',
};

/** What the body is said to be; undefined = nothing that we read. */
export function requestType(request: IncomingMessage): BodyType | undefined {
  if ((request.headers['content-encoding'] ?? 'identity') !== 'identity') return undefined;
  const [type = '', ...parameters] = (request.headers['content-type'] ?? '').toLowerCase().split(';');
  const charset = parameters.map((one) => one.trim()).find((one) => one.startsWith('charset='));
  if (charset !== undefined && charset.replaceAll('"', '') !== 'charset=utf-8') return undefined;
  return TYPES[type.trim()];
}

/** The form of the answer: what Accept names first or likes best, else that of the request. */
export function answerType(accept: string | undefined, fallback: BodyType): BodyType {
  if (accept === undefined) return fallback;
  let best: { type: BodyType; weight: number } | undefined;
  for (const range of accept.toLowerCase().split(',')) {
    const [name = '', ...parameters] = range.split(';').map((part) => part.trim());
    const type = name === '*/*' || name === 'application/*' ? fallback : TYPES[name];
    const quality = parameters.find((parameter) => parameter.startsWith('q='));
    const weight = quality === undefined ? 1 : Number(quality.slice(2)) || 0;
    if (type !== undefined && weight > 0 && weight > (best?.weight ?? 0)) best = { type, weight };
  }
  return best?.type ?? fallback;
}

/** The whole body, bounded; TOO_LARGE past the bound. */
export async function readBody(request: IncomingMessage): Promise<Uint8Array> {
  const tooLarge = (): DomainError =>
    new DomainError('invalid', 'TOO_LARGE', `the body is larger than ${HTTP_BODY_MAX} bytes`);
  if (Number(request.headers['content-length'] ?? 0) > HTTP_BODY_MAX) throw tooLarge();
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    request.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length > HTTP_BODY_MAX) reject(tooLarge());
      else chunks.push(chunk);
    });
    request.on('end', () => resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)));
    request.on('error', reject);
    request.on('close', () => reject(new DomainError('invalid', 'INVALID', 'the body was cut off')));
  });
}
