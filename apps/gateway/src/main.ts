import { runService } from '@magpie/service';
import { gateway } from './gateway.module.js';

await runService(gateway);
