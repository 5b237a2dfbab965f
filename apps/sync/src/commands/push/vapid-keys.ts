import { collectionOf, isDuplicateKey, type Connection } from '@magpie/mongo';
import webPush, { type VapidKeys } from 'web-push';

interface KeyDocument extends VapidKeys {
  _id: 'vapid';
}

/** The keys by which browsers' push services know this installation (RFC 8292), made once by whoever comes first. */
export async function openVapidKeys(connection: Connection): Promise<VapidKeys> {
  const keys = collectionOf<KeyDocument>(connection, 'state_key');
  const known = await keys.findOne({ _id: 'vapid' });
  if (known) return { publicKey: known.publicKey, privateKey: known.privateKey };
  const made = webPush.generateVAPIDKeys();
  try {
    await keys.insertOne({ _id: 'vapid', ...made });
    return made;
  } catch (error) {
    if (!isDuplicateKey(error)) throw error;
    return openVapidKeys(connection);
  }
}
