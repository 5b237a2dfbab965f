/** `magpie.social.v1`: profiles. */
export * from './generated/magpie/social/v1/social_service.js';
