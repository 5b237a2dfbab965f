import { silentLogger, watchFaultFile } from '@magpie/observability';
import { startServices } from '@magpie/service';
import { messaging } from '../src/messaging.module.js';

/** Messaging in a process that is made to die at a crash point. argv: its fault file. */
watchFaultFile(process.argv[2]!);
const service = await startServices([messaging], { env: process.env, logger: silentLogger() });
process.send!(service.addresses['messaging']);
