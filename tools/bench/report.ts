import type { StageResult } from './stage.js';
import { percentile } from './tally.js';

/** A generator that is later than this measures itself. */
const GENERATOR_LAG_MAX_MS = 20;

/** The figures of one stage, as they are written to the results. Times in ms. */
export interface StageReport {
  readonly rate: number;
  readonly seconds: number;
  readonly sent: number;
  readonly acknowledged: number;
  readonly delivered: number;
  readonly deliveredPerSecond: number;
  readonly refusals: Record<string, number>;
  readonly lost: number;
  readonly repeated: number;
  readonly misordered: number;
  readonly ack: Percentiles;
  readonly delivery: Percentiles;
  /** How late the generator itself was. */
  readonly generatorLag: Percentiles;
  readonly cpuSeconds: Record<string, number>;
  readonly cpuSecondsTotal: number;
  readonly messagesPerCpuSecond: number;
  readonly generatorCpuSeconds: number;
  readonly pulls: number;
  readonly noticesApplied: number;
  readonly unannounced: number;
}

export interface Percentiles {
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

export function reportOf(result: StageResult): StageReport {
  const { plan, tally, window, cpu } = result;
  const perSecond = tally.perSecond(tally.deliveredAt, window.fromMs, window.toMs);
  const inWindow = perSecond.reduce((sum, count) => sum + count, 0);
  const seconds = (window.toMs - window.fromMs) / 1000;
  const total = Object.values(cpu).reduce((sum, used) => sum + used, 0);
  return {
    rate: plan.rate,
    seconds: Math.round(seconds * 10) / 10,
    sent: tally.sent,
    acknowledged: tally.acked,
    delivered: tally.delivered,
    deliveredPerSecond: seconds > 0 ? inWindow / seconds : 0,
    refusals: Object.fromEntries(tally.refusals),
    lost: tally.lost,
    repeated: tally.repeated,
    misordered: tally.misordered,
    ack: percentiles(tally.latencies(tally.ackedAt, window.fromMs)),
    delivery: percentiles(tally.latencies(tally.deliveredAt, window.fromMs)),
    generatorLag: percentiles(tally.latencies(tally.sentAt, window.fromMs)),
    cpuSeconds: cpu,
    cpuSecondsTotal: total,
    messagesPerCpuSecond: total > 0 ? inWindow / total : NaN,
    generatorCpuSeconds: result.generatorCpu,
    pulls: result.pulls,
    noticesApplied: result.applied,
    unannounced: result.unannounced,
  };
}

export function percentiles(sorted: Float64Array): Percentiles {
  const round = (value: number): number => Math.round(value * 100) / 100;
  return {
    p50: round(percentile(sorted, 0.5)),
    p99: round(percentile(sorted, 0.99)),
    p999: round(percentile(sorted, 0.999)),
    max: round(percentile(sorted, 1)),
  };
}

/** Whether nothing was lost, repeated or out of order. */
export function isExact({ lost, repeated, misordered }: StageReport): boolean {
  return lost === 0 && repeated === 0 && misordered === 0;
}

export function reportLines(report: StageReport): string[] {
  const latency = (name: string, p: Percentiles): string =>
    `  ${name.padEnd(9)} p50 ${p.p50.toFixed(2)} · p99 ${p.p99.toFixed(2)} · p99.9 ${p.p999.toFixed(2)} · max ${p.max.toFixed(2)} ms`;
  const refusals = Object.entries(report.refusals).map(([code, count]) => `${count} ${code}`);
  const cpu = Object.entries(report.cpuSeconds).map(([name, seconds]) => `${name} ${seconds.toFixed(2)}`);
  return [
    `${report.rate} msg/s for ${report.seconds} s: ${report.deliveredPerSecond.toFixed(0)} delivered msg/s`,
    latency('ack', report.ack),
    latency('delivery', report.delivery),
    latency('generator', report.generatorLag),
    `  ${report.sent} sent, ${report.acknowledged} acknowledged, ${report.delivered} delivered; ` +
      `${report.lost} lost, ${report.repeated} repeated, ${report.misordered} out of order` +
      (refusals.length > 0 ? `; refused: ${refusals.join(', ')}` : ''),
    `  ${report.noticesApplied} notices applied, ${report.pulls} pulls, ${report.unannounced} found only by asking`,
    `  CPU-seconds: ${cpu.join(' · ')} = ${report.cpuSecondsTotal.toFixed(2)} (generator ${report.generatorCpuSeconds.toFixed(2)})`,
    `  ${report.messagesPerCpuSecond.toFixed(0)} delivered messages per CPU-second`,
    ...(report.generatorLag.p99 > GENERATOR_LAG_MAX_MS
      ? ['  THE GENERATOR WAS LATE: this machine is busy with something else, or the rate is too high for it']
      : []),
  ];
}
