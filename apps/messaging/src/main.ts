import { runService } from '@magpie/service';
import { messaging } from './messaging.module.js';

await runService(messaging);
