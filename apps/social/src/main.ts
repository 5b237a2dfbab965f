import { runService } from '@magpie/service';
import { social } from './social.module.js';

await runService(social);
