/** The plots of the report. */
import * as Plot from '@observablehq/plot'
import { ratioOf } from '../measure.ts'
import type { Comparison } from '../results.ts'
import type { Measure } from '../suite.ts'
import { digits } from '../text.ts'

/** The libraries in the order of their colours, which `style.css` has. */
export const libraries = [
  'tfjs cpu',
  'tfjs wasm',
  'tfjs webgpu',
  'jax-js',
  'onnxruntime',
  'PyTorch',
] as const
const color = {
  domain: [...libraries],
  range: libraries.map((_, i) => `var(--library-${i})`),
}

/** `PyTorch, 2 threads, fused` is of PyTorch. */
export const libraryOf = (name: string): string =>
  libraries.find((library) => name.startsWith(library)) ?? name

export const manyThreads = (name: string): boolean => /, ([2-9]|\d\d+) threads/.test(name)

const width = 1040
const labels = 385
const row = 30

/** One ratio of the plot. */
interface Dot {
  readonly work: string
  readonly peer: string
  readonly library: string
  readonly threads: 'one thread' | 'several'
  readonly ratio: number
}

/** Ratios on a logarithmic axis: a row for each work, a mark for each peer. */
export function ratioPlot(
  comparisons: readonly Comparison[],
  subject: string,
): HTMLElement | SVGElement {
  const dots = comparisons.flatMap(({ name, subjects, peers }): Dot[] => {
    const ours = subjects.find((one) => one.name === subject)
    if (!ours) return []
    return peers.map((peer) => ({
      work: name,
      peer: peer.name,
      library: libraryOf(peer.name),
      threads: manyThreads(peer.name) ? 'several' : 'one thread',
      ratio: ratioOf(ours, peer),
    }))
  })
  const works = [...new Set(dots.map(({ work }) => work))]
  const [low, high] = [
    Math.min(0.5, ...dots.map(({ ratio }) => ratio * 0.8)),
    Math.max(2, ...dots.map(({ ratio }) => ratio * 1.25)),
  ]
  const ticks = [
    0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000,
  ].filter((ratio) => ratio >= low && ratio <= high)
  return Plot.plot({
    width,
    height: row * works.length + 60,
    marginLeft: labels,
    marginRight: 24,
    marginTop: 34,
    marginBottom: 26,
    style: { fontSize: '12px', background: 'transparent', color: 'var(--ink)' },
    ariaLabel: `Times of other libraries over those of ${subject}`,
    x: {
      type: 'log',
      domain: [low, high],
      axis: 'bottom',
      label: null,
      ticks,
      tickFormat: (ratio: number) => `${ratio}×`,
    },
    y: { domain: works, label: null, tickSize: 0, padding: 0.4 },
    color,
    symbol: { domain: ['one thread', 'several'], range: ['circle', 'diamond'] },
    marks: [
      Plot.rect([{}], { x1: low, x2: 1, fill: 'var(--slower)' }),
      Plot.gridX({ stroke: 'var(--line)', strokeOpacity: 1, ticks }),
      Plot.ruleY(works, { stroke: 'var(--line)' }),
      Plot.ruleX([1], { stroke: 'var(--ink)', strokeWidth: 1.5 }),
      Plot.text(['as fast as nabla'], { x: 1, frameAnchor: 'top', dy: -12, fontWeight: 600 }),
      Plot.text(['slower than nabla →'], {
        frameAnchor: 'top-right',
        dy: -12,
        fill: 'var(--muted)',
      }),
      // Where there is room for it beside the middle one.
      Plot.text(low < 0.3 ? ['← faster'] : [], {
        x: low,
        frameAnchor: 'top-left',
        textAnchor: 'start',
        dy: -12,
        fill: 'var(--muted)',
      }),
      Plot.dot(dots, {
        x: 'ratio',
        y: 'work',
        fill: 'library',
        symbol: 'threads',
        r: 5.5,
        stroke: 'var(--paper)',
        strokeWidth: 1.5,
        title: ({ peer, ratio }: Dot) => `${peer}: ${digits(ratio)}× nabla's time`,
        tip: true,
      }),
    ],
  })
}

/** Numbers that are no times, as bars: sizes, bytes. */
export function measurePlot(measures: readonly Measure[]): HTMLElement | SVGElement {
  const factor = measures[0]?.unit === 'B' ? 1e-6 : 1
  const unit = measures[0]?.unit === 'B' ? 'MB' : measures[0]?.unit
  const most = Math.max(...measures.map(({ value }) => value * factor))
  return Plot.plot({
    width,
    height: row * measures.length + 20,
    marginLeft: labels,
    marginRight: 90,
    marginTop: 4,
    marginBottom: 8,
    style: { fontSize: '12px', background: 'transparent', color: 'var(--ink)' },
    x: { domain: [0, most], axis: null },
    y: { domain: measures.map(({ subject }) => subject), label: null, tickSize: 0, padding: 0.35 },
    marks: [
      Plot.barX(measures, {
        x: ({ value }: Measure) => value * factor,
        y: 'subject',
        fill: ({ subject }: Measure) =>
          /^(nabla|peak)/.test(subject) ? 'var(--accent)' : 'var(--bar)',
        rx: 3,
        title: 'note',
      }),
      Plot.text(measures, {
        x: ({ value }: Measure) => value * factor,
        y: 'subject',
        text: ({ value }: Measure) => `${digits(value * factor)} ${unit}`,
        textAnchor: 'start',
        dx: 6,
      }),
    ],
  })
}
