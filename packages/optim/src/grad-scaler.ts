import { ArgumentError, noGrad, type Tensor } from '@nablajs/tensor'
import { program, updateInPlace } from '@nablajs/tensor/program'
import { gradientsAreFinite, gradientsAreFiniteAsync } from './clip-grad.ts'
import { refuseUnknown } from './known.ts'
import { demandReadable } from './readable.ts'
import { refuseRecording } from './recorded.ts'
import { parametersOf, type Wrapped } from './wrapped.ts'

export interface GradScalerOptions {
  /** The first scale. Default 65536. */
  initScale?: number
  /** What the scale is multiplied by after `growthInterval` good steps, > 1. Default 2. */
  growthFactor?: number
  /** What it is multiplied by after a step with infinities or NaNs, in (0, 1). Default 0.5. */
  backoffFactor?: number
  /** How many good steps in a row let the scale grow, a whole number. Default 2000. */
  growthInterval?: number
  /** Without it everything is passed on as it is. Default true. */
  enabled?: boolean
}

/** PyTorch's layout: plain numbers, fit for JSON. Empty where the scaler is not enabled. */
export interface GradScalerState {
  /** The scale. */
  scale?: number
  /** What it grows by. */
  growth_factor?: number
  /** What it shrinks by. */
  backoff_factor?: number
  /** How many good steps let it grow. */
  growth_interval?: number
  /** How many of them there have been. */
  _growth_tracker?: number
}

/**
 * Mixed precision's loss scaler: multiplies the loss, so that small gradients do not vanish in f16,
 * divides the gradients again before the update, and leaves updates out whose gradients are infinite
 * or NaN. The scale grows slowly and shrinks at once. It reads one number back from the device in each
 * step, and works with any dtype. Where a device cannot be read at once, `await scaler.unscaleAsync(optimizer)`
 * takes the place of `unscale`, which is then no longer left to `step`.
 *
 * ```text
 * gradients finite:   scale ← scale · growthFactor, every growthInterval steps
 * otherwise:          scale ← scale · backoffFactor, and no update
 * ```
 *
 * @example
 * ```ts
 * const scaler = new GradScaler()
 * optimizer.zeroGrad()
 * scaler.scale(loss(model, batch)).backward()
 * scaler.unscale(optimizer)                      // only needed to clip or to look at gradients
 * clipGradNorm(model.parameters(), 1)
 * scaler.step(optimizer)
 * scaler.update()
 * ```
 *
 * Source: P. Micikevicius et al., "Mixed Precision Training", arXiv 1710.03740.
 */
export class GradScaler {
  readonly enabled: boolean
  #growthFactor: number
  #backoffFactor: number
  #growthInterval: number
  #scale: number
  #good = 0
  /** Optimizers whose gradients are divided already, and whether they are finite. */
  readonly #unscaled = new Map<Wrapped, boolean>()
  readonly #stepped = new Set<Wrapped>()

  constructor(options: GradScalerOptions = {}) {
    const known = ['initScale', 'growthFactor', 'backoffFactor', 'growthInterval', 'enabled']
    refuseUnknown('GradScaler', options, known)
    const { initScale = 65536, growthFactor = 2, backoffFactor = 0.5 } = options
    const { growthInterval = 2000, enabled = true } = options
    demand(initScale > 0 && Number.isFinite(initScale), 'initScale', initScale, '> 0')
    demand(growthFactor > 1, 'growthFactor', growthFactor, '> 1')
    demand(backoffFactor > 0 && backoffFactor < 1, 'backoffFactor', backoffFactor, 'in (0, 1)')
    demand(
      Number.isInteger(growthInterval) && growthInterval > 0,
      'growthInterval',
      growthInterval,
      'a whole number > 0',
    )
    this.enabled = enabled
    this.#scale = initScale
    this.#growthFactor = growthFactor
    this.#backoffFactor = backoffFactor
    this.#growthInterval = growthInterval
  }

  /** The scale at present; 1 where the scaler is not enabled. */
  getScale(): number {
    return this.enabled ? this.#scale : 1
  }

  /** The loss times the scale: what to walk back from. */
  scale(loss: Tensor): Tensor {
    if (!this.enabled) return loss
    refuseRecording('GradScaler', [loss], 'its scale changes from step to step')
    return loss.mul(this.#scale)
  }

  /**
   * Divides the gradients by the scale, in place. {@link step} does it where it was not done before.
   *
   * @throws ArgumentError when it was done already since the last {@link update}.
   */
  unscale(optimizer: Wrapped): void {
    if (!this.enabled) return
    const parameters = parametersOf(optimizer)
    demandReadable(
      'GradScaler',
      parameters,
      'await unscaleAsync(optimizer) between backward() and step(optimizer)',
    )
    this.#divide(optimizer, parameters)
    this.#unscaled.set(optimizer, gradientsAreFinite(parameters))
  }

  /** As {@link unscale}, for devices that cannot be read at once; {@link step} comes after it as always. */
  async unscaleAsync(optimizer: Wrapped): Promise<void> {
    if (!this.enabled) return
    const parameters = parametersOf(optimizer)
    this.#divide(optimizer, parameters)
    this.#unscaled.set(optimizer, await gradientsAreFiniteAsync(parameters))
  }

  #divide(optimizer: Wrapped, parameters: readonly Tensor[]): void {
    if (this.#stepped.has(optimizer))
      throw new ArgumentError('GradScaler: unscale() came after step(); call update() between')
    if (this.#unscaled.has(optimizer))
      throw new ArgumentError('GradScaler: unscale() came twice; call update() between')
    noGrad(() => {
      for (const { grad } of parameters)
        if (grad) {
          const times = program(
            { name: 'unscale', inputs: [grad.dtype], scalars: [grad.dtype] },
            (g, w) => g!.mul(w!),
          )
          updateInPlace(times, [grad], [grad], [1 / this.#scale])
        }
    })
  }

  /**
   * Lets the optimizer update, unless gradients are infinite or NaN. Returns whether it did.
   *
   * @throws ArgumentError when it came already since the last {@link update}.
   */
  step(optimizer: Wrapped): boolean {
    if (!this.enabled) {
      optimizer.step()
      return true
    }
    if (this.#stepped.has(optimizer))
      throw new ArgumentError('GradScaler: step() came twice; call update() between')
    if (!this.#unscaled.has(optimizer)) this.unscale(optimizer)
    this.#stepped.add(optimizer)
    const finite = this.#unscaled.get(optimizer)!
    if (finite) optimizer.step()
    return finite
  }

  /**
   * Fits the scale, after the steps of all optimizers; or sets it to `newScale`.
   *
   * @throws ArgumentError when there was no step since the last time.
   */
  update(newScale?: number): void {
    if (!this.enabled) return
    if (newScale !== undefined) {
      demand(newScale > 0 && Number.isFinite(newScale), 'newScale', newScale, '> 0')
      this.#scale = newScale
    } else if (this.#unscaled.size === 0)
      throw new ArgumentError('GradScaler: update() came before step(); call step(optimizer) first')
    else if ([...this.#unscaled.values()].includes(false)) {
      this.#scale *= this.#backoffFactor
      this.#good = 0
    } else if (++this.#good === this.#growthInterval) {
      const grown = this.#scale * this.#growthFactor
      // Beyond float32 every loss would be infinite.
      if (Number.isFinite(Math.fround(grown))) this.#scale = grown
      this.#good = 0
    }
    this.#unscaled.clear()
    this.#stepped.clear()
  }

  /** Everything that the next step depends on. */
  stateDict(): GradScalerState {
    if (!this.enabled) return {}
    return {
      scale: this.#scale,
      growth_factor: this.#growthFactor,
      backoff_factor: this.#backoffFactor,
      growth_interval: this.#growthInterval,
      _growth_tracker: this.#good,
    }
  }

  /**
   * Takes over a state from {@link stateDict}, or from PyTorch's; a missing factor stays as it is.
   *
   * @throws ArgumentError when the state is that of a scaler that was not enabled.
   */
  loadStateDict(state: GradScalerState): void {
    if (!this.enabled) return
    const { scale, _growth_tracker: good } = state
    if (scale === undefined || good === undefined)
      throw new ArgumentError(
        'GradScaler: the state has no scale; it is of a scaler that was not enabled',
      )
    this.#scale = scale
    this.#good = good
    this.#growthFactor = state.growth_factor ?? this.#growthFactor
    this.#backoffFactor = state.backoff_factor ?? this.#backoffFactor
    this.#growthInterval = state.growth_interval ?? this.#growthInterval
  }
}

function demand(holds: boolean, option: string, value: number, says: string): void {
  if (!holds) throw new ArgumentError(`GradScaler: ${option} is ${value}; it must be ${says}`)
}
