export { DomainError, exhausted, invalid, unavailable, type ErrorDetail, type ErrorKind } from './errors.js';
export { conversationOf, partnerIn } from './conversation.js';
export { GENERATION_MAX, OFFSET_BITS, numberOf, offsetOf, generationOf } from './position.js';
export { partitionOf, murmur2 } from './partition.js';
export { countCodePoints, requireAscii, requireCount, requireText, requireUserName } from './validation.js';
export type { Decider } from './decider.js';
export { deferred, type Deferred } from './deferred.js';
export {
  contains,
  foldMembership,
  membersAt,
  membershipFrom,
  NO_MEMBERSHIP,
  type Interval,
  type Membership,
  type MembershipChange,
} from './membership.js';
