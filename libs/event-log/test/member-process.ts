/** A process with one consumer, to be killed: `node member-process.js <namespace> <self>`; says `joined`, then reads. */
import { connectMongo } from '@magpie/mongo';
import { silentLogger } from '@magpie/observability';
import { openEventLog } from '../src/index.js';
import { BROKERS } from './setting.js';

const [, , namespace = '', self = ''] = process.argv;
const logger = silentLogger();
const uri = process.env['MONGODB_URI'] ?? 'mongodb://127.0.0.1:27017/?directConnection=true';
const connection = await connectMongo({ uri, database: `${namespace}log`, logger });
const log = await openEventLog({
  brokers: BROKERS,
  namespace,
  service: 'messaging',
  connection,
  hotPartitions: 2,
  replication: 1,
  logger,
  self,
});
const consumer = await log.consume({
  name: 'messaging.archive',
  topics: ['messaging.message.v1'],
  onPoison: 'stop',
  gain: async () => ({ process: async () => undefined, state: () => ({}), lost: () => undefined }),
});
while (consumer.owned().length < 2) await new Promise((resolve) => setTimeout(resolve, 20));
process.stdout.write('joined\n');
