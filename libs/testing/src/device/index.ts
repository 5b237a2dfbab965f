export { postCommand } from './short-link.js';
export { WireLink } from './wire-link.js';
export { Witness, type Addresses, type Observer, type WitnessOptions } from './witness.js';
