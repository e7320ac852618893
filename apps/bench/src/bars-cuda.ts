/** What we want to reach on CUDA, beside PyTorch on the same GPU. */
import { atLeast, type Bar, peer, pickBest, pickRatio, subject, type Value } from './bar.ts'
import type { Comparison } from './results.ts'

const ours = subject(/^nabla cuda$/)
const graph = subject(/^nabla cuda, graph$/)
const torch = peer(/^PyTorch cuda$/)
const layouts = [peer(/^PyTorch cuda, channels last$/), peer(/^PyTorch cuda, NCHW$/)]

const noTorch = 'no PyTorch took part on a GPU'

/** Why we have no time ourselves, as far as is known, in a sentence: the whole of it stands at the work. */
function missing(at: Comparison, fallback: string): string {
  const reason = at.skips.find(({ name }) => name.startsWith('nabla cuda'))?.reason
  return reason?.split('. ')[0] ?? fallback
}

function share(at: Comparison): Value {
  const timing = ours(at)
  return {
    value: timing && at.bytes && at.floor ? ((at.bytes / timing.ms) * 1e3) / at.floor : undefined,
    missing: missing(at, 'no copy was measured in this run'),
  }
}

/** The bars of a work of the CUDA suites; none for others. */
export function cudaBars(at: Comparison): Bar[] {
  const { name, suite } = at
  if (suite === 'products')
    return [
      atLeast(
        name,
        0.95,
        '>= 0.95x PyTorch on the same GPU',
        pickRatio(ours, torch, missing(at, noTorch))(at),
      ),
    ]
  if (suite === 'bandwidth')
    return name === 'copy'
      ? []
      : [atLeast(name, 0.9, '>= 0.9 of the bandwidth of a copy', share(at), 'of the copy')]
  if (suite !== 'steps') return []
  const [who, bar] = name.startsWith('LeNet') ? ([graph, 1] as const) : ([ours, 0.9] as const)
  const what = who === graph ? 'with graph replay faster than' : `>= ${bar}x`
  const value = pickBest(who, layouts, missing(at, noTorch))(at)
  return [atLeast(name, bar, `${what} PyTorch eager, the better of its layouts`, value)]
}
