import { invalid } from '@magpie/domain';
import { lookup, type LookupAddress } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';

/** Special-purpose addresses (IANA registries, RFC 6890): nothing that belongs to everybody stands there. */
const SPECIAL_IPV4 = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
] as const;
/** Within 2000::/3, outside of which nothing is public. */
const SPECIAL_IPV6 = [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
] as const;

const special = new BlockList();
for (const [network, prefix] of SPECIAL_IPV4) special.addSubnet(network, prefix, 'ipv4');
for (const [network, prefix] of SPECIAL_IPV6) special.addSubnet(network, prefix, 'ipv6');
const global6 = new BlockList();
global6.addSubnet('2000::', 3, 'ipv6');

/** A client named a place that it may not send us to. */
export class NotPublicError extends Error {
  override readonly name = 'NotPublicError';
}

/** Whether an IP address belongs to the public internet. */
export function isPublic(address: string): boolean {
  switch (isIP(address)) {
    case 4:
      return !special.check(address, 'ipv4');
    case 6:
      return global6.check(address, 'ipv6') && !special.check(address, 'ipv6');
    default:
      return false;
  }
}

/**
 * Where a client may send us: https on its usual port, by a name or a public address; besides, what the installation
 * allows (`origins`). What a name stands for is looked at when it is connected to (`publicLookup`). Throws INVALID.
 */
export function requirePublicUrl(field: string, url: URL, origins: ReadonlySet<string>): void {
  if (url.username !== '' || url.password !== '') throw invalid(field, 'must not hold credentials');
  if (origins.has(url.origin)) return;
  if (url.protocol !== 'https:' || url.port !== '') throw invalid(field, 'https on port 443 is expected');
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (isIP(host) !== 0 ? !isPublic(host) : !host.includes('.')) throw invalid(field, 'a public host is expected');
}

/** Looks a name up for a connection that goes to the very address that was judged. */
export const publicLookup: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }, (error, found) => {
    if (error) return callback(error, '');
    const hidden = found.find(({ address }) => !isPublic(address));
    if (hidden !== undefined || found.length === 0) {
      return callback(new NotPublicError(`${hostname} is not at a public address`), '');
    }
    const [first] = found as [LookupAddress];
    if (options.all) callback(null, found);
    else callback(null, first.address, first.family);
  });
};
