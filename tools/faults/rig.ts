import { existsSync } from 'node:fs';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import type { TopicName } from '@magpie/contracts';
import type { CrashPoint, FaultFile } from '@magpie/observability';
import {
  readRunInfo,
  startSystem,
  writeFileAtomic,
  type RunDoor,
  type RunningSystem,
  type TcpProxy,
} from '@magpie/testing';

import { faultFileOf, holdFileOf } from '../start/fault-files.js';
import { openKafkaLink } from './kafka-link.js';

/** How the processes of a system are cut. */
export interface Shape {
  readonly split: boolean;
  readonly instances: number;
  /** Services reach Kafka through a proxy. */
  readonly proxied?: boolean;
}

/** A service, whatever process it lives in. */
export const SERVICES = ['auth', 'messaging', 'social', 'sync', 'gateway'] as const;
export type Service = (typeof SERVICES)[number];

const SERVERS: readonly string[] = ['kafka', 'mongod', 'supervisor'];
const NAMESPACE = 'faults-';
const MESSAGES: TopicName = 'messaging.message.v1';
const HEALTHY_WITHIN_MS = 60_000;
const PROBE_MS = 100;
const PROBE_TIMEOUT_MS = 2_000;

/** The database of a service. */
export const databaseOf = (service: Service): string => `${NAMESPACE}${service}`;

/** A whole system of this run, and everything that can be done to its processes. */
export class Rig {
  private constructor(
    readonly dataDir: string,
    readonly shape: Shape,
    private readonly system: RunningSystem,
    /** Node processes, each with the port of its health. */
    private readonly healthPorts: ReadonlyMap<string, number>,
    private readonly proxy: TcpProxy | undefined,
  ) {}

  static async start(dataDir: string, shape: Shape): Promise<Rig> {
    const faults = join(dataDir, 'faults');
    await rm(faults, { recursive: true, force: true });
    await mkdir(faults, { recursive: true });
    const env = { MAGPIE_NAMESPACE: NAMESPACE, KAFKA_BROKERS: '', MONGODB_URI: '' };
    const proxy = shape.proxied ? await openKafkaLink(dataDir) : undefined;
    const { split, instances } = shape;
    let system: RunningSystem | undefined;
    try {
      system = await startSystem({ dataDir, split, instances, faults: true, env });
      const ports = JSON.parse(await readFile(join(dataDir, 'ports.json'), 'utf8')) as Record<string, number>;
      const names = system.processes.map(({ name }) => name).filter((name) => !SERVERS.includes(name));
      const healthPorts = new Map(names.map((name) => [name, ports[`${name}-health`] ?? 0]));
      return new Rig(dataDir, shape, system, healthPorts, proxy);
    } catch (error) {
      await system?.stop();
      await proxy?.close();
      throw error;
    }
  }

  get doors(): readonly RunDoor[] {
    return this.system.run.doors;
  }
  get mongodb(): string {
    return this.system.run.mongodb;
  }

  /** Brokers, and the topic of messages and the changes of groups as Kafka names it. */
  get messageLog(): [brokers: readonly string[], topic: string] {
    return [this.system.run.kafka.split(','), `${NAMESPACE}${MESSAGES}`];
  }

  /** The way of all services to Kafka; only in shapes that are proxied. */
  get kafkaLink(): TcpProxy {
    if (this.proxy === undefined) throw new Error('nothing lies between the services and Kafka in this shape');
    return this.proxy;
  }

  /** The process that the n-th instance of a service lives in, counted from 0. */
  process(service: Service, index = 0): string {
    const name = this.shape.split ? service : 'magpie';
    return index === 0 ? name : `${name}-${index + 1}`;
  }

  /** Sends a signal without waiting for anything. Throws when the process is down. */
  async signal(name: string, signal: NodeJS.Signals): Promise<void> {
    const found = (await this.system.now()).processes.find((process) => process.name === name);
    if (found === undefined) throw new Error(`${name} does not run`);
    process.kill(found.pid, signal);
  }

  async isUp(name: string): Promise<boolean> {
    return (await readRunInfo(this.dataDir))?.processes.some((process) => process.name === name) ?? false;
  }

  /** Ends a process and resolves when it is gone; the supervisor starts it again. */
  async kill(name: string, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    await this.system.kill(name, signal);
  }

  /** Keeps a process down, once it has ended, until `release`. */
  hold(name: string): Promise<void> {
    return writeFileAtomic(holdFileOf(this.dataDir, name), '');
  }

  release(name: string): Promise<void> {
    return rm(holdFileOf(this.dataDir, name), { force: true });
  }

  /** Tells a process where to die, or how wrong its clock is to be. */
  async arm(name: string, fault: FaultFile): Promise<void> {
    await this.disarm(name);
    await writeFileAtomic(faultFileOf(this.dataDir, name), JSON.stringify(fault));
  }

  async disarm(name: string): Promise<void> {
    for (const file of [faultFileOf(this.dataDir, name), this.firedFile(name)]) await rm(file, { force: true });
  }

  /** Waits until the process has died where it was armed; answers whether it did. */
  async fires(name: string, withinMs: number): Promise<boolean> {
    const until = Date.now() + withinMs;
    while (Date.now() < until) {
      if (existsSync(this.firedFile(name))) return true;
      await delay(PROBE_MS / 2);
    }
    return false;
  }

  /** Arms a crash point and waits for the death. */
  async dieAt(name: string, point: CrashPoint, pass: number, withinMs: number): Promise<boolean> {
    await this.arm(name, { point, pass, action: 'kill' });
    const fired = await this.fires(name, withinMs);
    await this.disarm(name);
    return fired;
  }

  /** Names of what is down or not ready, after a minute at most; empty = healthy. */
  async unhealthy(): Promise<readonly string[]> {
    const until = Date.now() + HEALTHY_WITHIN_MS;
    for (;;) {
      const bad = await this.badNow();
      if (bad.length === 0 || Date.now() > until) return bad;
      await delay(PROBE_MS);
    }
  }

  async stop(): Promise<void> {
    try {
      await this.system.stop();
    } finally {
      await this.proxy?.close();
    }
  }

  private async badNow(): Promise<readonly string[]> {
    const running = new Set((await readRunInfo(this.dataDir))?.processes.map(({ name }) => name));
    const down = this.system.processes.map(({ name }) => name).filter((name) => !running.has(name));
    const ready = await Promise.all(
      [...this.healthPorts].map(async ([name, port]) => [name, await isReady(port)] as const),
    );
    return [...new Set([...down, ...ready.filter(([, is]) => !is).map(([name]) => name)])];
  }

  private firedFile(name: string): string {
    return `${faultFileOf(this.dataDir, name)}.done`;
  }
}

async function isReady(port: number): Promise<boolean> {
  try {
    const answer = await fetch(`http://127.0.0.1:${port}/health`, { signal: AbortSignal.timeout(PROBE_TIMEOUT_MS) });
    await answer.body?.cancel();
    return answer.ok;
  } catch {
    return false;
  }
}
