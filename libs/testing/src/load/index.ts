export { chatter } from './chatter.js';
export { choicesOf, type Choose } from './choices.js';
export { KeyWatch } from './key-watch.js';
export { Load, type GroupTimes, type LoadOptions, type LoadResult } from './load.js';
export { SignUps, type SignUpResult } from './sign-ups.js';
export { Trial, type LoadUser, type TrialResult } from './trial.js';
