/**
 * The table of optimizers that are chains: for each how to make it, and its paper's pseudo-code on
 * plain numbers, written independently of the library.
 */
import type { Tensor } from '@nablajs/tensor'
import {
  AdaBelief,
  Adadelta,
  Adagrad,
  Adam,
  Adamax,
  type AdamOptions,
  AdamW,
  Adan,
  AdEMAMix,
  ASGD,
  LAMB,
  LARS,
  Lion,
  MADGRAD,
  NAdam,
  NovoGrad,
  type Optimizer,
  Prodigy,
  RAdam,
  RMSprop,
  Rprop,
  ScheduleFreeAdamW,
  ScheduleFreeSGD,
  SGD,
  type SGDOptions,
  Sophia,
  Yogi,
} from '../src/index.ts'

export interface CommonOptions {
  lr: number
  weightDecay: number
}

type Memory = Record<string, number>

/** The new parameters, with what is remembered of each in `memory`; `t` counts from 1. */
type Paper = (
  p: readonly number[],
  g: readonly number[],
  t: number,
  memory: readonly Memory[],
) => number[]

export interface Row {
  readonly name: string
  readonly make: (params: Iterable<Tensor>, extra?: Partial<CommonOptions>) => Optimizer<never>
  readonly paper: Paper
  /** Sums over a parameter; each is one reduction. */
  readonly reduces?: number
  /** Kernels over single numbers, for three parameters together. */
  readonly settles?: number
  /** Until the bottom of the bowl is near. Default 60. */
  readonly steps?: number
}

type OptimizerClass = new (params: Iterable<Tensor>, options: never) => unknown

/** A row whose paper treats all elements alike, one at a time. */
function row(
  Class: OptimizerClass,
  options: object,
  paper: (p: number, g: number, t: number, memory: Memory) => number,
  more: Partial<Row> = {},
): Row {
  return whole(
    Class,
    options,
    (p, g, t, memory) => p.map((value, i) => paper(value, g[i]!, t, memory[i]!)),
    more,
  )
}

/** A row whose paper looks at the whole parameter. */
function whole(Class: OptimizerClass, options: object, paper: Paper, more: Partial<Row> = {}): Row {
  return {
    name: `${Class.name} ${JSON.stringify(options)}`,
    make: (params, extra) =>
      new Class(params, { ...options, ...extra } as never) as Optimizer<never>,
    paper,
    ...more,
  }
}

const { abs, max, min, sign, sqrt } = Math
const norm = (x: readonly number[]): number => Math.hypot(...x)

/** The cautious mask, applied. */
function careful(u: readonly number[], g: readonly number[]): number[] {
  const mask: number[] = u.map((step, i) => (step * g[i]! > 0 ? 1 : 0))
  const mean = mask.reduce((a, b) => a + b) / mask.length
  return u.map((step, i) => (step * mask[i]!) / max(mean, 1e-3))
}

function sgdRow(options: Partial<SGDOptions>): Row {
  const { lr, momentum, dampening, nesterov, weightDecay, maximize, form, biasCorrection } = {
    lr: 1e-3,
    momentum: 0,
    dampening: 0,
    nesterov: false,
    weightDecay: 0,
    maximize: false,
    form: 'torch',
    biasCorrection: false,
    ...options,
  }
  return row(SGD, options, (p, gradient, t, memory) => {
    let g = maximize ? -gradient : gradient
    g += weightDecay * p
    if (momentum === 0) return p - lr * g
    const last = memory['b'] ?? 0
    if (form === 'ema') {
      const b = momentum * last + (1 - momentum) * g
      memory['b'] = b
      const ahead = nesterov ? momentum * b + (1 - momentum) * g : b
      return p - (lr * ahead) / (biasCorrection ? 1 - momentum ** t : 1)
    }
    if (form === 'sutskever') {
      // v ← μv - γg, θ ← θ + v; Nesterov's in the variables of the look-ahead point.
      const v = momentum * last - lr * g
      memory['b'] = v
      return nesterov ? p + momentum * v - lr * g : p + v
    }
    memory['b'] = t === 1 ? g : momentum * last + (1 - dampening) * g
    g = nesterov ? g + momentum * memory['b'] : memory['b']
    return p - lr * g
  })
}

function adamRow(options: Partial<AdamOptions>, decoupled: boolean): Row {
  const { lr, betas, eps, epsRoot, weightDecay, amsgrad, maximize } = {
    lr: 1e-3,
    betas: [0.9, 0.999] as const,
    eps: 1e-8,
    epsRoot: 0,
    weightDecay: decoupled ? 0.01 : 0,
    amsgrad: false,
    maximize: false,
    ...options,
  }
  return row(decoupled ? AdamW : Adam, options, (p, gradient, t, memory) => {
    let g = maximize ? -gradient : gradient
    let theta = p
    if (decoupled || options.decoupledWeightDecay) theta -= lr * weightDecay * theta
    else g += weightDecay * p
    memory['m'] = betas[0] * (memory['m'] ?? 0) + (1 - betas[0]) * g
    memory['v'] = betas[1] * (memory['v'] ?? 0) + (1 - betas[1]) * g * g
    memory['top'] = max(memory['top'] ?? 0, memory['v'])
    const second = amsgrad ? memory['top'] : memory['v']
    const m = memory['m'] / (1 - betas[0] ** t)
    const v = second / (1 - betas[1] ** t)
    return theta - (lr * m) / (sqrt(v + epsRoot) + eps)
  })
}

export const rows: readonly Row[] = [
  sgdRow({ lr: 0.1 }),
  sgdRow({ lr: 0.05, momentum: 0.9 }),
  sgdRow({ lr: 0.05, momentum: 0.9, nesterov: true }),
  sgdRow({ lr: 0.05, momentum: 0.8, dampening: 0.3, weightDecay: 0.02 }),
  sgdRow({ lr: 0.05, maximize: true }),
  sgdRow({ lr: 0.5, momentum: 0.9, form: 'ema' }),
  sgdRow({ lr: 0.3, momentum: 0.8, form: 'ema', biasCorrection: true }),
  sgdRow({ lr: 0.3, momentum: 0.8, form: 'ema', nesterov: true }),
  sgdRow({ lr: 0.05, momentum: 0.9, form: 'sutskever' }),
  sgdRow({ lr: 0.05, momentum: 0.9, form: 'sutskever', nesterov: true }),
  adamRow({ lr: 0.1 }, false),
  adamRow({ lr: 0.1, betas: [0.8, 0.95], eps: 1e-2, weightDecay: 0.1 }, false),
  adamRow({ lr: 0.1, amsgrad: true, betas: [0.5, 0.6] }, false),
  adamRow({ lr: 0.1, eps: 0, epsRoot: 1e-3 }, false),
  adamRow({ lr: 0.1, weightDecay: 0.2, decoupledWeightDecay: true }, false),
  adamRow({ lr: 0.1, maximize: true }, false),
  adamRow({ lr: 0.1 }, true),
  adamRow({ lr: 0.1, weightDecay: 0.2, amsgrad: true }, true),
  row(Adagrad, { lr: 0.5 }, (p, g, _, memory) => {
    memory['s'] = (memory['s'] ?? 0) + g * g
    return p - (0.5 * g) / (sqrt(memory['s']) + 1e-10)
  }),
  row(
    Adagrad,
    { lr: 0.9, lrDecay: 0.01, initialAccumulatorValue: 0.1, weightDecay: 0.1, eps: 1e-2 },
    (p, gradient, t, memory) => {
      const g = gradient + 0.1 * p
      memory['s'] = (memory['s'] ?? 0.1) + g * g
      return p - ((0.9 / (1 + (t - 1) * 0.01)) * g) / (sqrt(memory['s']) + 1e-2)
    },
  ),
  row(
    Adadelta,
    { lr: 2, rho: 0.8, eps: 1e-4 },
    (p, g, _, memory) => {
      memory['G'] = 0.8 * (memory['G'] ?? 0) + 0.2 * g * g
      const delta = (sqrt((memory['H'] ?? 0) + 1e-4) / sqrt(memory['G'] + 1e-4)) * g
      memory['H'] = 0.8 * (memory['H'] ?? 0) + 0.2 * delta * delta
      return p - 2 * delta
    },
    { steps: 300 },
  ),
  row(RMSprop, { lr: 0.05, alpha: 0.9 }, (p, g, _, memory) => {
    memory['s'] = 0.9 * (memory['s'] ?? 0) + 0.1 * g * g
    return p - (0.05 * g) / (sqrt(memory['s']) + 1e-8)
  }),
  row(
    RMSprop,
    { lr: 0.02, alpha: 0.9, centered: true, momentum: 0.5, weightDecay: 0.1, eps: 0.1 },
    (p, gradient, _, memory) => {
      const g = gradient + 0.1 * p
      memory['s'] = 0.9 * (memory['s'] ?? 0) + 0.1 * g * g
      memory['a'] = 0.9 * (memory['a'] ?? 0) + 0.1 * g
      const step = g / (sqrt(memory['s'] - memory['a'] ** 2) + 0.1)
      memory['b'] = 0.5 * (memory['b'] ?? 0) + step
      return p - 0.02 * memory['b']
    },
  ),
  // TensorFlow's: epsilon inside of the root, the average starts at 1.
  row(
    RMSprop,
    { lr: 0.1, alpha: 0.9, eps: 0, epsRoot: 1e-3, initialAccumulatorValue: 1 },
    (p, g, _, memory) => {
      memory['s'] = 0.9 * (memory['s'] ?? 1) + 0.1 * g * g
      return p - (0.1 * g) / sqrt(memory['s'] + 1e-3)
    },
  ),
  row(Adamax, { lr: 0.1, weightDecay: 0.1 }, (p, gradient, t, memory) => {
    const g = gradient + 0.1 * p
    memory['m'] = 0.9 * (memory['m'] ?? 0) + 0.1 * g
    memory['u'] = max(0.999 * (memory['u'] ?? 0), abs(g) + 1e-8)
    return p - ((0.1 / (1 - 0.9 ** t)) * memory['m']) / memory['u']
  }),
  ...[false, true].map((decoupledWeightDecay) =>
    row(
      NAdam,
      { lr: 0.1, weightDecay: 0.1, momentumDecay: 0.05, decoupledWeightDecay },
      (p, gradient, t, memory) => {
        const g = decoupledWeightDecay ? gradient : gradient + 0.1 * p
        const mu = (at: number): number => 0.9 * (1 - 0.5 * 0.96 ** (0.05 * at))
        memory['product'] = (memory['product'] ?? 1) * mu(t)
        memory['m'] = 0.9 * (memory['m'] ?? 0) + 0.1 * g
        memory['v'] = 0.999 * (memory['v'] ?? 0) + 0.001 * g * g
        const m =
          (mu(t + 1) * memory['m']) / (1 - memory['product'] * mu(t + 1)) +
          ((1 - mu(t)) * g) / (1 - memory['product'])
        const shrunk = decoupledWeightDecay ? p * (1 - 0.1 * 0.1) : p
        return shrunk - (0.1 * m) / (sqrt(memory['v'] / (1 - 0.999 ** t)) + 1e-8)
      },
    ),
  ),
  ...[0.9, 0.999].map((beta) =>
    row(
      RAdam,
      { lr: 0.05, betas: [0.9, beta] },
      (p, g, t, memory) => {
        memory['m'] = 0.9 * (memory['m'] ?? 0) + 0.1 * g
        memory['v'] = beta * (memory['v'] ?? 0) + (1 - beta) * g * g
        const m = memory['m'] / (1 - 0.9 ** t)
        const most = 2 / (1 - beta) - 1
        const rho = most - (2 * t * beta ** t) / (1 - beta ** t)
        if (rho <= 5) return p - 0.05 * m
        const r = sqrt((((rho - 4) * (rho - 2)) / ((most - 4) * (most - 2))) * (most / rho))
        return p - (0.05 * m * r * sqrt(1 - beta ** t)) / (sqrt(memory['v']) + 1e-8)
      },
      { steps: 200 },
    ),
  ),
  row(ASGD, { lr: 0.1, t0: 5, lambd: 1e-2, alpha: 0.5 }, (p, g, t) => {
    const eta = t === 1 ? 0.1 : 0.1 / (1 + 1e-2 * 0.1 * (t - 1)) ** 0.5
    return p * (1 - 1e-2 * eta) - eta * g
  }),
  row(Rprop, { lr: 0.05 }, (p, gradient, _, memory) => {
    const before = memory['g'] ?? 0
    let step = memory['step'] ?? 0.05
    let g = gradient
    if (g * before > 0) step = min(step * 1.2, 50)
    if (g * before < 0) {
      step = max(step * 0.5, 1e-6)
      g = 0
    }
    Object.assign(memory, { g, step })
    return p - sign(g) * step
  }),
  row(
    Lion,
    { lr: 0.02, weightDecay: 0.1 },
    (p, g, _, memory) => {
      const m = memory['m'] ?? 0
      const c = 0.9 * m + (1 - 0.9) * g
      memory['m'] = 0.99 * m + (1 - 0.99) * g
      return p - 0.02 * (sign(c) + 0.1 * p)
    },
    { steps: 200 },
  ),
  whole(
    AdamW,
    { lr: 0.1, betas: [0.9, 0.9], cautious: true },
    (p, g, t, memory) => {
      const u = p.map((_, i) => {
        const own = memory[i]!
        own['m'] = 0.9 * (own['m'] ?? 0) + 0.1 * g[i]!
        own['v'] = 0.9 * (own['v'] ?? 0) + 0.1 * g[i]! ** 2
        return own['m'] / (1 - 0.9 ** t) / (sqrt(own['v'] / (1 - 0.9 ** t)) + 1e-8)
      })
      return p.map((value, i) => value - 0.1 * (careful(u, g)[i]! + 0.01 * value))
    },
    { reduces: 1 },
  ),
  whole(
    Lion,
    { lr: 0.02, weightDecay: 0.1, cautious: true },
    (p, g, _, memory) => {
      const u = p.map((_, i) => {
        const m = memory[i]!['m'] ?? 0
        memory[i]!['m'] = 0.99 * m + (1 - 0.99) * g[i]!
        return sign(0.9 * m + (1 - 0.9) * g[i]!)
      })
      return p.map((value, i) => value - 0.02 * (careful(u, g)[i]! + 0.1 * value))
    },
    { reduces: 1, steps: 200 },
  ),
  row(AdaBelief, { lr: 0.1, weightDecay: 0.1 }, (p, g, t, memory) => {
    memory['m'] = 0.9 * (memory['m'] ?? 0) + 0.1 * g
    memory['s'] = 0.999 * (memory['s'] ?? 0) + 0.001 * (g - memory['m']) ** 2 + 1e-16
    const m = memory['m'] / (1 - 0.9 ** t)
    return p - 0.1 * 0.1 * p - (0.1 * m) / (sqrt(memory['s'] / (1 - 0.999 ** t)) + 1e-16)
  }),
  row(Yogi, { lr: 0.05, weightDecay: 0.1, betas: [0.9, 0.9] }, (p, gradient, _, memory) => {
    const g = gradient + 0.1 * p
    memory['m'] = 0.9 * (memory['m'] ?? 1e-6) + 0.1 * g
    const v = memory['v'] ?? 1e-6
    memory['v'] = v - 0.1 * sign(v - g * g) * g * g
    return p - (0.05 * memory['m']) / (sqrt(memory['v']) + 1e-3)
  }),
  whole(
    LAMB,
    { lr: 0.05, weightDecay: 0.1 },
    (p, g, t, memory) => {
      const u = p.map((value, i) => {
        const own = memory[i]!
        own['m'] = 0.9 * (own['m'] ?? 0) + 0.1 * g[i]!
        own['v'] = 0.999 * (own['v'] ?? 0) + 0.001 * g[i]! ** 2
        const m = own['m'] / (1 - 0.9 ** t)
        return m / (sqrt(own['v'] / (1 - 0.999 ** t)) + 1e-6) + 0.1 * value
      })
      const ratio = norm(p) / norm(u)
      return p.map((value, i) => value - 0.05 * ratio * u[i]!)
    },
    { reduces: 2 },
  ),
  ...[false, true].map((nesterov) =>
    whole(
      LARS,
      { lr: 0.5, trustCoefficient: 0.1, momentum: 0.5, weightDecay: 0.1, nesterov },
      (p, g, _, memory) => {
        const rate = (0.1 * norm(p)) / (norm(g) + 0.1 * norm(p))
        return p.map((value, i) => {
          const step = 0.5 * rate * (g[i]! + 0.1 * value)
          const b = 0.5 * (memory[i]!['b'] ?? 0) + step
          memory[i]!['b'] = b
          return value - (nesterov ? step + 0.5 * b : b)
        })
      },
      { reduces: 2 },
    ),
  ),
  whole(
    NovoGrad,
    { lr: 0.02, weightDecay: 0.1, betas: [0.9, 0.5] },
    (p, g, t, memory) => {
      const shared = memory[0]!
      const square = norm(g) ** 2
      shared['v'] = t === 1 ? square : 0.5 * shared['v']! + 0.5 * square
      return p.map((value, i) => {
        const step = g[i]! / (sqrt(shared['v']!) + 1e-8) + 0.1 * value
        memory[i]!['m'] = t === 1 ? step : 0.9 * memory[i]!['m']! + step
        return value - 0.02 * memory[i]!['m']!
      })
    },
    { reduces: 1, settles: 3, steps: 200 },
  ),
  row(
    Adan,
    { lr: 0.05, weightDecay: 0.1 },
    (p, g, t, memory) => {
      const difference = t === 1 ? 0 : g - memory['last']!
      memory['last'] = g
      memory['m'] = 0.98 * (memory['m'] ?? 0) + (1 - 0.98) * g
      memory['d'] = 0.92 * (memory['d'] ?? 0) + (1 - 0.92) * difference
      memory['n'] = 0.99 * (memory['n'] ?? 0) + (1 - 0.99) * (g + 0.92 * difference) ** 2
      const rate = 0.05 / (sqrt(memory['n'] / (1 - 0.99 ** t)) + 1e-8)
      const m = memory['m'] / (1 - 0.98 ** t)
      const d = memory['d'] / (1 - 0.92 ** t)
      return (p - rate * (m + 0.92 * d)) / (1 + 0.05 * 0.1)
    },
    { steps: 200 },
  ),
  row(MADGRAD, { lr: 0.1, weightDecay: 0.1 }, (p, gradient, t, memory) => {
    const g = gradient + 0.1 * p
    memory['x0'] ??= p
    const weight = 0.1 * sqrt(t)
    memory['s'] = (memory['s'] ?? 0) + weight * g
    memory['v'] = (memory['v'] ?? 0) + weight * g * g
    const z = memory['x0'] - memory['s'] / (Math.cbrt(memory['v']) + 1e-6)
    return 0.9 * p + (1 - 0.9) * z
  }),
  whole(
    Prodigy,
    { d0: 1e-2, betas: [0.9, 0.99], weightDecay: 0.01 },
    (p, g, _, memory) => {
      const all = memory[0]!
      const d = all['d'] ?? 1e-2
      const slow = sqrt(0.99)
      let [inner, size] = [0, 0]
      const next = p.map((value, i) => {
        const own = memory[i]!
        own['x0'] ??= value
        own['m'] = 0.9 * (own['m'] ?? 0) + 0.1 * d * g[i]!
        own['v'] = 0.99 * (own['v'] ?? 0) + 0.01 * d * d * g[i]! ** 2
        own['s'] = slow * (own['s'] ?? 0) + (1 - slow) * d * d * g[i]!
        inner += g[i]! * (own['x0'] - value)
        size += abs(own['s'])
        return value - d * (own['m'] / (sqrt(own['v']) + d * 1e-8) + 0.01 * value)
      })
      all['r'] = slow * (all['r'] ?? 0) + (1 - slow) * d * d * inner
      all['d'] = max(d, all['r'] / size)
      return next
    },
    // The sums of three parameters are added up, twice two small kernels.
    { reduces: 2, settles: 3 + 4, steps: 200 },
  ),
  row(ScheduleFreeSGD, { lr: 0.3, warmupSteps: 3, weightDecay: 0.1 }, (y, gradient, t, memory) => {
    const rate = 0.3 * min(1, t / 3)
    const g = gradient + 0.1 * y
    const z = memory['z'] ?? y
    // By the paper's three sequences; x is found again from y and z.
    const x = t === 1 ? y : (y - (1 - 0.9) * z) / 0.9
    memory['sum'] = (memory['sum'] ?? 0) + rate ** 2
    const share = rate ** 2 / memory['sum']
    memory['z'] = z - rate * g
    const average = (1 - share) * x + share * memory['z']
    return (1 - 0.9) * memory['z'] + 0.9 * average
  }),
  row(
    ScheduleFreeAdamW,
    { lr: 0.1, betas: [0.8, 0.99], weightDecay: 0.1, r: 1 },
    (y, g, t, memory) => {
      memory['v'] = 0.99 * (memory['v'] ?? 0) + 0.01 * g * g
      const step = g / (sqrt(memory['v'] / (1 - 0.99 ** t)) + 1e-8) + 0.1 * y
      const z = memory['z'] ?? y
      const x = t === 1 ? y : (y - (1 - 0.8) * z) / 0.8
      memory['z'] = z - 0.1 * step
      const share = t / ((t * (t + 1)) / 2)
      return (1 - 0.8) * memory['z'] + 0.8 * ((1 - share) * x + share * memory['z'])
    },
  ),
  // Without an estimate of the Hessian: signs.
  row(
    Sophia,
    { lr: 0.02 },
    (p, g, _, memory) => {
      memory['m'] = 0.965 * (memory['m'] ?? 0) + (1 - 0.965) * g
      return p * (1 - 0.02 * 0.1) - 0.02 * sign(memory['m'])
    },
    { steps: 200 },
  ),
  ...[0, 10].map((warmup) =>
    row(
      AdEMAMix,
      { lr: 0.02, betas: [0.9, 0.99, 0.95], alpha: 2, warmup, weightDecay: 0.1 },
      (p, g, t, memory) => {
        const [start, end] = [0.9, 0.95]
        const alpha = warmup === 0 ? 2 : min((t * 2) / warmup, 2)
        const done = t / warmup
        const beta3 =
          warmup === 0
            ? end
            : min(
                Math.exp(
                  (Math.log(start) * Math.log(end)) /
                    ((1 - done) * Math.log(end) + done * Math.log(start)),
                ),
                end,
              )
        // Past the warm-up the interpolation has gone too far.
        const slow = warmup > 0 && t < warmup ? beta3 : end
        memory['m1'] = 0.9 * (memory['m1'] ?? 0) + 0.1 * g
        memory['m2'] = slow * (memory['m2'] ?? 0) + (1 - slow) * g
        memory['v'] = 0.99 * (memory['v'] ?? 0) + 0.01 * g * g
        const m = memory['m1'] / (1 - 0.9 ** t) + alpha * memory['m2']
        return p - 0.02 * (m / (sqrt(memory['v'] / (1 - 0.99 ** t)) + 1e-8) + 0.1 * p)
      },
      { steps: 200 },
    ),
  ),
]
