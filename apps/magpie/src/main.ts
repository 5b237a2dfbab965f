import { auth } from '@magpie/auth';
import { gateway } from '@magpie/gateway';
import { messaging } from '@magpie/messaging';
import { runServices } from '@magpie/service';
import { social } from '@magpie/social';
import { sync } from '@magpie/sync';

// All services in one process: the default on one machine.
await runServices([auth, social, messaging, sync, gateway]);
