import { Module } from '@nestjs/common';
import { runService } from '../src/index.js';

/** A process with one service, told by its argument how to behave. */
const behaviour = process.argv[2];
const PARTS = Symbol('PARTS');

let stopJoining: (() => void) | undefined;

class DemoModule {}
Module({})(DemoModule);

const parts = {
  start: async (): Promise<void> => {
    if (behaviour === 'fail') throw new Error('no luck');
    if (behaviour === 'throw-later') setImmediate(() => Promise.reject(new Error('nobody caught me')));
  },
  join: (): Promise<void> => {
    if (behaviour !== 'join') return Promise.resolve();
    process.stdout.write('joining\n');
    return new Promise((_, reject) => (stopJoining = () => reject(new Error('was stopped'))));
  },
  stop: (): Promise<void> => {
    stopJoining?.();
    return behaviour === 'hang' ? new Promise(() => undefined) : Promise.resolve();
  },
};

await runService({
  name: 'demo',
  config: () => ({}),
  database: false,
  log: false,
  module: () => ({ module: DemoModule, providers: [{ provide: PARTS, useValue: parts }] }),
  components: [PARTS],
});
