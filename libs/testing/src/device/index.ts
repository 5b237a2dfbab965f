export { postCommand } from './short-link.js';
export { WireLink } from './wire-link.js';
export { Witness, type Addresses } from './witness.js';
