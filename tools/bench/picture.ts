import type { StageResult } from './stage.js';
import { percentile } from './tally.js';

const WIDTH = 960;
const STAGE_HEIGHT = 300;
const PLOT = { left: 60, top: 50, width: 400, height: 200, gap: 80 };
const COLOURS = { ack: '#2f6fb0', delivery: '#d9822b' };
/** Latency axis: 0.5 ms to 2 s, eight bars to the doubling. */
const AXIS = { fromMs: 0.5, toMs: 2048, perDoubling: 8 };
const BINS = Math.log2(AXIS.toMs / AXIS.fromMs) * AXIS.perDoubling;
const TICKS_MS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];

/** An SVG with one row per stage: how latencies are spread, and what was acknowledged and delivered in each second. */
export function picture(results: readonly StageResult[]): string {
  const rows = results.map((result, i) => `<g transform="translate(0 ${i * STAGE_HEIGHT})">${stageRow(result)}</g>`);
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${results.length * STAGE_HEIGHT}" font-family="sans-serif" font-size="12" fill="#333">
<rect width="100%" height="100%" fill="#fff"/>
${rows.join('\n')}
</svg>
`;
}

function stageRow(result: StageResult): string {
  const { plan, tally, window } = result;
  const ack = tally.latencies(tally.ackedAt, window.fromMs);
  const delivery = tally.latencies(tally.deliveredAt, window.fromMs);
  const summary = (name: string, sorted: Float64Array): string =>
    `${name} p50 ${percentile(sorted, 0.5).toFixed(1)} ms, p99 ${percentile(sorted, 0.99).toFixed(1)} ms`;
  const title = `${plan.rate} msg/s for ${((window.toMs - window.fromMs) / 1000).toFixed(0)} s`;
  const rates = [
    { colour: COLOURS.ack, counts: tally.perSecond(tally.ackedAt, window.fromMs, window.toMs) },
    { colour: COLOURS.delivery, counts: tally.perSecond(tally.deliveredAt, window.fromMs, window.toMs) },
  ];
  return [
    `<text x="${PLOT.left}" y="22" font-size="15">${title}</text>`,
    `<text x="${PLOT.left}" y="40" fill="${COLOURS.ack}">${summary('ack', ack)}</text>`,
    `<text x="${PLOT.left + 200}" y="40" fill="${COLOURS.delivery}">${summary('delivery', delivery)}</text>`,
    `<g transform="translate(${PLOT.left} ${PLOT.top})">${histogram(ack, delivery)}</g>`,
    `<g transform="translate(${PLOT.left + PLOT.width + PLOT.gap} ${PLOT.top})">${perSecond(rates)}</g>`,
  ].join('\n');
}

function histogram(ack: Float64Array, delivery: Float64Array): string {
  const both = [bins(ack), bins(delivery)] as const;
  const most = Math.max(1, ...both[0], ...both[1]);
  const bars = (counts: number[], colour: string): string =>
    counts
      .map((count, i) => {
        if (count === 0) return '';
        const height = (count / most) * PLOT.height;
        const width = PLOT.width / BINS;
        return `<rect x="${(i * width).toFixed(1)}" y="${(PLOT.height - height).toFixed(1)}" width="${width.toFixed(1)}" height="${height.toFixed(1)}" fill="${colour}" fill-opacity="0.6"/>`;
      })
      .join('');
  const ticks = TICKS_MS.map((ms) => {
    const x = (Math.log2(ms / AXIS.fromMs) * AXIS.perDoubling * PLOT.width) / BINS;
    return `<text x="${x.toFixed(1)}" y="${PLOT.height + 16}" text-anchor="middle">${ms}</text>`;
  });
  return `${frame()}${bars(both[0], COLOURS.ack)}${bars(both[1], COLOURS.delivery)}${ticks.join('')}<text x="${PLOT.width / 2}" y="${PLOT.height + 34}" text-anchor="middle">latency, ms</text>`;
}

function bins(sorted: Float64Array): number[] {
  const counts = Array<number>(BINS).fill(0);
  for (const ms of sorted) {
    const bin = Math.floor(Math.log2(Math.max(ms, AXIS.fromMs) / AXIS.fromMs) * AXIS.perDoubling);
    counts[Math.min(bin, BINS - 1)]!++;
  }
  return counts;
}

function perSecond(lines: readonly { colour: string; counts: readonly number[] }[]): string {
  const most = Math.max(1, ...lines.flatMap(({ counts }) => counts));
  const drawn = lines.map(({ colour, counts }) => {
    const points = counts.map((count, i) => {
      const x = counts.length > 1 ? (i / (counts.length - 1)) * PLOT.width : 0;
      return `${x.toFixed(1)},${(PLOT.height - (count / most) * PLOT.height).toFixed(1)}`;
    });
    return `<polyline points="${points.join(' ')}" fill="none" stroke="${colour}" stroke-width="2"/>`;
  });
  return `${frame()}${drawn.join('')}<text x="-6" y="10" text-anchor="end">${most}</text><text x="-6" y="${PLOT.height}" text-anchor="end">0</text><text x="${PLOT.width / 2}" y="${PLOT.height + 34}" text-anchor="middle">messages in each second</text>`;
}

function frame(): string {
  return `<rect width="${PLOT.width}" height="${PLOT.height}" fill="#f7f7f7" stroke="#ccc"/>`;
}
