import { COMMANDS, ERROR, type CommandName } from './commands.js';
import { ContractError } from './contract-error.js';
import { canonical, decode, encode, type Json } from './protobuf.js';

export type Encoding = 'json' | 'protobuf';

const MEDIA_TYPES = { json: 'application/json', protobuf: 'application/x-protobuf' } as const;

/** The short link in one of its two encodings; either way the values are those of canonical proto JSON. */
export class ShortLink {
  accessToken: string | undefined;

  constructor(
    private readonly base: string,
    readonly encoding: Encoding,
  ) {}

  async call(name: CommandName, body: Json = {}): Promise<Json> {
    const { request, response } = COMMANDS[name];
    const bytes = this.encoding === 'json' ? Buffer.from(JSON.stringify(body)) : encode(request, body);
    const answer = await this.post(name, bytes);
    const schema = answer.status === 200 ? response : ERROR;
    const json =
      this.encoding === 'json'
        ? canonical(schema, JSON.parse(answer.body.toString('utf8')) as Json)
        : decode(schema, answer.body);
    if (answer.status !== 200) throw new ContractError(json, answer.status);
    return json;
  }

  /** Posts any body to any name; answers what came, whatever the status. */
  async post(name: string, body: Buffer): Promise<{ status: number; body: Buffer; mediaType: string }> {
    const answer = await fetch(`${this.base}/cgi-bin/micromsg-bin/${name}`, {
      method: 'POST',
      headers: {
        'content-type': MEDIA_TYPES[this.encoding],
        ...(this.accessToken === undefined ? {} : { authorization: `Bearer ${this.accessToken}` }),
      },
      body: new Uint8Array(body),
    });
    const mediaType = answer.headers.get('content-type') ?? '';
    return { status: answer.status, body: Buffer.from(await answer.arrayBuffer()), mediaType };
  }
}
