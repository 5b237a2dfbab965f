import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import type { KafkaLink } from '@magpie/testing';

/** How processes are made to fail from outside (`--faults`); without it nothing is looked at. */
export interface FaultFiles {
  /** Settings of the process that make it look at its own fault file. */
  env(name: string): Readonly<Record<string, string>>;
  /** Whether a process that has ended is to stay down for now. */
  held(name: string): boolean;
  /** The door of Kafka that the services take, when there is a proxy before it. */
  kafkaLink(): KafkaLink | undefined;
}

/** What a process looks at to learn where it is to die (see `watchFaultFile`). */
export const faultFileOf = (dataDir: string, name: string): string => join(dataDir, 'faults', `${name}.json`);

/** While this file is there, a process that has ended is not started again. */
export const holdFileOf = (dataDir: string, name: string): string => join(dataDir, 'faults', `${name}.hold`);

/** Where the door of Kafka behind a proxy is written down (a KafkaLink), before the start. */
export const kafkaLinkFileOf = (dataDir: string): string => join(dataDir, 'faults', 'kafka-link.json');

export const NO_FAULTS: FaultFiles = { env: () => ({}), held: () => false, kafkaLink: () => undefined };

export function faultFiles(dataDir: string): FaultFiles {
  mkdirSync(join(dataDir, 'faults'), { recursive: true });
  return {
    env: (name) => ({ MAGPIE_FAULT_FILE: faultFileOf(dataDir, name) }),
    held: (name) => existsSync(holdFileOf(dataDir, name)),
    kafkaLink: () => linkIn(kafkaLinkFileOf(dataDir)),
  };
}

const linkIn = (file: string): KafkaLink | undefined =>
  existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as KafkaLink) : undefined;
