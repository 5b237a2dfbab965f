import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics, type Metric } from 'prom-client';

export { Counter, Gauge, Histogram } from 'prom-client';

/** What every metric says of itself. Names are `magpie_<lib or service>_<what>_<unit>`. */
export interface MetricOptions {
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly string[];
}

/** Upper bounds in seconds, from half a millisecond to ten seconds. */
const DEFAULT_BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

const registry = new Registry();

function once<M extends Metric>(name: string, make: () => M): M {
  return (registry.getSingleMetric(name) as M | undefined) ?? make();
}

const settings = (options: MetricOptions) => ({
  name: options.name,
  help: options.help,
  labelNames: [...(options.labels ?? [])],
  registers: [registry],
});

/** A number that only rises. The same name gives the same metric, wherever in the process it is asked for. */
export function counter(options: MetricOptions): Counter {
  return once(options.name, () => new Counter(settings(options)));
}

/** A number that rises and falls. The same name gives the same metric. */
export function gauge(options: MetricOptions): Gauge {
  return once(options.name, () => new Gauge(settings(options)));
}

/** Observations counted in buckets (upper bounds; seconds by default). The same name gives the same metric. */
export function histogram(options: MetricOptions & { readonly buckets?: readonly number[] }): Histogram {
  const buckets = [...(options.buckets ?? DEFAULT_BUCKETS)];
  return once(options.name, () => new Histogram({ ...settings(options), buckets }));
}

let collecting = false;

/** Adds the process's own metrics (CPU, memory, event-loop lag, garbage collection) to the registry, once. */
export function collectProcessMetrics(): void {
  if (collecting) return;
  collecting = true;
  collectDefaultMetrics({ register: registry });
}

/** Everything that the process has counted, in the text format of Prometheus. */
export async function renderMetrics(): Promise<{ contentType: string; body: string }> {
  return { contentType: registry.contentType, body: await registry.metrics() };
}
