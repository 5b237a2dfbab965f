import { randomBytes } from 'node:crypto';
import { connectMongo, type Connection } from '@magpie/mongo';
import { silentLogger } from '@magpie/observability';

/** A database of this test's own; `drop` takes it away again. */
export async function testDatabase(what: string): Promise<{ connection: Connection; drop(): Promise<void> }> {
  const database = `t-${randomBytes(4).toString('hex')}-${what}`;
  const connection = await connectMongo({ uri: process.env['MONGODB_URI']!, database, logger: silentLogger() });
  return {
    connection,
    async drop() {
      await connection.db?.dropDatabase();
      await connection.close();
    },
  };
}

/** Waits until a check passes. */
export async function eventually(check: () => void | Promise<void>, timeoutMs = 5_000): Promise<void> {
  const until = Date.now() + timeoutMs;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > until) throw error;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}
