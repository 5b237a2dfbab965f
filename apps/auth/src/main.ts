import { runService } from '@magpie/service';
import { auth } from './auth.module.js';

await runService(auth);
