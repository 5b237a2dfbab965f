import { readFile } from 'node:fs/promises';
import { ConfigError } from '@magpie/service';
import type { VapidKeys } from 'web-push';
import type { SyncConfig } from '../../config.js';
import { ApnsClient } from './apns.client.js';
import { FcmClient, type ServiceAccount } from './fcm.client.js';
import type { PushProvider } from './provider.js';
import { WebPushClient } from './web-push.client.js';

/**
 * The ways to devices that this installation has been given keys for; browsers need none but our own. Throws ConfigError
 * for what is set by halves or cannot be read; no key stands in its text.
 */
export async function openProviders(
  config: SyncConfig,
  vapid: VapidKeys,
  now: () => number,
): Promise<readonly PushProvider[]> {
  const subject = config.SYNC_PUSH_VAPID_SUBJECT;
  const browsers = new WebPushClient({ vapid, subject, origins: config.SYNC_PUSH_WEB_ORIGINS, now });
  const others = await Promise.all([openApns(config, now), openFcm(config, now)]);
  return [browsers, ...others.filter((provider) => provider !== undefined)];
}

async function openApns(config: SyncConfig, now: () => number): Promise<PushProvider | undefined> {
  const {
    SYNC_PUSH_APNS_KEY_FILE: file,
    SYNC_PUSH_APNS_KEY_ID: keyId,
    SYNC_PUSH_APNS_TEAM_ID: teamId,
    SYNC_PUSH_APNS_TOPIC: topic,
    SYNC_PUSH_APNS_ENDPOINT: endpoint,
  } = config;
  const given = [file, keyId, teamId, topic];
  if (given.every((one) => one === undefined)) return undefined;
  if (file === undefined || keyId === undefined || teamId === undefined || topic === undefined) {
    throw new ConfigError('wrong settings: SYNC_PUSH_APNS_KEY_FILE, _KEY_ID, _TEAM_ID and _TOPIC go together');
  }
  return new ApnsClient({ endpoint, key: await contentOf('SYNC_PUSH_APNS_KEY_FILE', file), keyId, teamId, topic, now });
}

async function openFcm(config: SyncConfig, now: () => number): Promise<PushProvider | undefined> {
  const { SYNC_PUSH_FCM_ACCOUNT_FILE: file, SYNC_PUSH_FCM_ENDPOINT: endpoint } = config;
  if (file === undefined) return undefined;
  const account = accountIn(await contentOf('SYNC_PUSH_FCM_ACCOUNT_FILE', file));
  return new FcmClient({ endpoint, account, now });
}

function accountIn(text: string): ServiceAccount {
  try {
    const { project_id, client_email, private_key, token_uri } = JSON.parse(text) as ServiceAccount;
    if (project_id && client_email && private_key && URL.canParse(token_uri)) {
      return { project_id, client_email, private_key, token_uri };
    }
  } catch {
    // Said below; the parser's own words may hold a piece of the file.
  }
  throw new ConfigError('wrong settings: SYNC_PUSH_FCM_ACCOUNT_FILE is not the key file of a service account');
}

async function contentOf(setting: string, file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new ConfigError(`wrong settings: ${setting} cannot be read: ${(error as NodeJS.ErrnoException).code}`);
  }
}
