import { runService } from '@magpie/service';
import { sync } from './sync.module.js';

await runService(sync);
