import { counter, createLogger, gauge, histogram, renderMetrics } from './index.js';

function lines() {
  const written: string[] = [];
  const destination = { write: (line: string) => written.push(line) };
  return { destination, read: () => written.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

describe('createLogger', () => {
  it('writes one JSON line per call with the fields of its parents', () => {
    // Goal: name, level word, message, own and inherited fields; nothing below the level.
    const { destination, read } = lines();
    const logger = createLogger({ name: 'demo', destination }).child({ service: 'auth' });
    logger.debug({}, 'too quiet');
    logger.warn({ count: 3 }, 'queue is long');
    expect(read()).toEqual([
      expect.objectContaining({ name: 'demo', level: 'warn', service: 'auth', count: 3, msg: 'queue is long' }),
    ]);
  });

  it('writes an error with its stack and hides secrets', () => {
    // Goal: what is needed to find a bug is there, what must not leak is not.
    const { destination, read } = lines();
    const fields = { err: new TypeError('x'), password: 'p1', request: { token: 't1', user: 'u1' } };
    createLogger({ name: 'demo', destination }).error(fields, 'failed');
    const [line] = read();
    expect(line?.['err']).toMatchObject({
      type: 'TypeError',
      message: 'x',
      stack: expect.stringContaining('observability.spec'),
    });
    expect(line).toMatchObject({ password: '[redacted]', request: { token: '[redacted]', user: 'u1' } });
  });
});

describe('metrics', () => {
  it('are one per name and rendered together', async () => {
    // Goal: asking again gives the same metric, with its labels.
    const options = { name: 'magpie_demo_things_total', help: 'Things', labels: ['kind'] };
    counter(options).inc({ kind: 'a' });
    counter(options).inc({ kind: 'a' }, 2);
    gauge({ name: 'magpie_demo_depth', help: 'Depth' }).set(7);
    histogram({ name: 'magpie_demo_seconds', help: 'Time', buckets: [1, 2] }).observe(1.5);
    const { body, contentType } = await renderMetrics();
    expect(contentType).toContain('text/plain');
    expect(body).toContain('magpie_demo_things_total{kind="a"} 3');
    expect(body).toContain('magpie_demo_depth 7');
    expect(body).toContain('magpie_demo_seconds_bucket{le="2"} 1');
  });
});
