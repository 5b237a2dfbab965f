import { MagpieError, textOf, type Client } from '@magpie/sdk';
import { createNodeClient } from '@magpie/sdk/node';
import { until } from './until.js';

export const PASSWORD = 'correct horse battery';

/** How a device reaches the gateway. */
export type Transport = 'tcp' | 'ws' | 'http';

interface Addresses {
  readonly http: string;
  readonly ws: string;
  readonly tcp: string;
}

/** One device of a person: the SDK's client on one transport, and what it has shown. */
export class Person {
  readonly lines: string[] = [];

  private constructor(readonly client: Client) {
    client.on('message', ({ message }) => this.lines.push(textOf(message.content)));
  }

  /** `store` is a directory: the same one is the same device again. */
  static async open(at: Addresses, transport: Transport, store: string): Promise<Person> {
    const client = await createNodeClient({
      http: at.http,
      ...(transport === 'tcp' ? { tcp: at.tcp } : {}),
      ...(transport === 'ws' ? { ws: at.ws } : {}),
      store,
      device: { name: `${transport} device` },
    });
    return new Person(client);
  }

  get userId(): string {
    return this.client.session!.userId;
  }

  /** Sends and waits for the acknowledgement. */
  async say(to: string, text: string): Promise<void> {
    const { id } = await this.client.send(to, text);
    await until(`"${text}" is sent`, async () => {
      const sent = (await this.client.messages(to, 200)).find((message) => message.id === id);
      if (sent?.state === 'failed') throw new MagpieError(sent.error!.code, `"${text}" failed: ${sent.error!.code}`);
      return sent !== undefined && sent.state !== 'sending';
    });
  }

  /** Waits until this device has shown the text. */
  async hears(text: string): Promise<void> {
    await until(`"${text}" arrives`, () => this.lines.includes(text));
  }

  /** The texts of a conversation, as this device shows them, oldest first. */
  async conversation(peer: string): Promise<string[]> {
    return (await this.client.messages(peer, 200)).map((message) => textOf(message.content));
  }
}
