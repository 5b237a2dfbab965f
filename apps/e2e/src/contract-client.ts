/**
 * A client of the product that knows nothing but the client contract and the protocol: own frames, own protobuf, own
 * JSON. What it finds is what any outside client would find, so it uses none of our libraries.
 */
export { CODE, COMMANDS, NOTICE, type CommandName } from './contract/commands.js';
export { ContractError } from './contract/contract-error.js';
export { FrameCutter, writeFrame, type Frame } from './contract/frames.js';
export { LongLink } from './contract/long-link.js';
export { canonical, decode, encode, type Json, type Schema } from './contract/protobuf.js';
export { ShortLink, type Encoding } from './contract/short-link.js';
