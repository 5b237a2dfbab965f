import { z } from 'zod';
import { ConfigError, defineConfig } from './config.js';

const HOT_PARTITIONS_DEFAULT = 16;

/** Parses a JSON setting; what is not JSON is an issue of the variable, not an exception. */
const json = z.string().transform((text, context): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    context.addIssue('must be JSON');
    return z.NEVER;
  }
});

const count = (least: number) => z.coerce.number().int().min(least);

/** What every process of the product reads, whichever services it runs. */
export const readProcessConfig = defineConfig({
  /** host:port, separated by commas. Needed by services with an event log. */
  KAFKA_BROKERS: z
    .string()
    .transform((brokers) => brokers.split(','))
    .optional(),
  /** Needed by services with a database. */
  MONGODB_URI: z.string().optional(),
  /** Prefix of topics, consumer groups and databases. */
  MAGPIE_NAMESPACE: z
    .string()
    .regex(/^[\w-]*$/)
    .default(''),
  /** What services prove to each other that they belong together. */
  MAGPIE_CALLER_SECRET: z.string().min(16),
  /** JSON: service → addresses of its instances. */
  MAGPIE_ENDPOINTS: json.pipe(z.record(z.string(), z.array(z.string()))).default({}),
  /** Which of its service's addresses is this process's own. */
  MAGPIE_INSTANCE: count(0).default(0),
  /** Where this process listens for other services, if not at its own address: behind a balancer or in a container. */
  MAGPIE_LISTEN: z.string().optional(),
  /** Of /health and /metrics; 0 = any free port. */
  MAGPIE_HEALTH_PORT: count(0).default(0),
  MAGPIE_HEALTH_HOST: z.string().default('127.0.0.1'),
  MAGPIE_HOT_PARTITIONS: count(1).default(HOT_PARTITIONS_DEFAULT),
  /** Copies of each topic. */
  MAGPIE_REPLICATION: count(1).default(1),
  /** For trials of failure only: a file that says where this process is to die (see `watchFaultFile`). */
  MAGPIE_FAULT_FILE: z.string().optional(),
  /** For trials of failure only: how far this process's clock is off. */
  MAGPIE_CLOCK_SHIFT_MS: z.coerce.number().int().default(0),
  LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
});

export type ProcessConfig = ReturnType<typeof readProcessConfig>;

/** The value of a setting that this service cannot do without. Throws ConfigError. */
export function required<T>(value: T | undefined, name: keyof ProcessConfig): T {
  if (value === undefined) throw new ConfigError(`wrong settings: ${name} is not set`);
  return value;
}
