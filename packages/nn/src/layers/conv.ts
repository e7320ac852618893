/** What convolutions of sequences and volumes and transposed ones share. */
import { ArgumentError, ShapeError, showShape, type Tensor } from '@nablajs/tensor'
import { Module } from '../module.ts'
import { drawParameter, type FactoryOptions } from './factory.ts'

export interface ConvOptions extends FactoryOptions {
  /** Blocks of channels that do not see each other. Default 1. */
  groups?: number
  /** Whether to add a bias. Default true. */
  bias?: boolean
}

/** A setting, as it may be shown. */
export type Step = number | string | readonly number[]

/** Settings by name, each with its default. */
export type Settings = Readonly<Record<string, readonly [value: Step, usual: Step]>>

/** What they share: parameters, their layouts, the check of the input. */
export abstract class Conv extends Module {
  readonly inChannels: number
  readonly outChannels: number
  readonly kernelSize: readonly number[]
  readonly groups: number
  weight: Tensor
  bias: Tensor | undefined

  /** @param transposed Whether the weight maps from outputs to inputs. */
  constructor(
    inChannels: number,
    outChannels: number,
    kernelSize: readonly number[],
    options: ConvOptions,
    transposed: boolean,
  ) {
    super()
    const { groups = 1 } = options
    const fits = (channels: number): boolean => channels >= 1 && channels % groups === 0
    if (!Number.isInteger(groups) || groups < 1 || !fits(inChannels) || !fits(outChannels))
      throw new ArgumentError(
        `${this.constructor.name}(${inChannels}, ${outChannels}): the channels must be multiples of groups = ${groups}`,
      )
    this.inChannels = inChannels
    this.outChannels = outChannels
    this.kernelSize = kernelSize
    this.groups = groups
    const [from, to] = transposed ? [outChannels, inChannels] : [inChannels, outChannels]
    const taps = kernelSize.reduce((n, size) => n * size, 1)
    // PyTorch counts the second axis of its layout, also where that is outputs.
    const fan = taps * (from / groups)
    this.weight = drawParameter([...kernelSize, from / groups, to], fan, options)
    this.bias = options.bias === false ? undefined : drawParameter([outChannels], fan, options)
  }

  /** The settings that `toString` shows where they are not the default. */
  protected abstract settings(): Settings

  protected check(x: Tensor): void {
    const letters = ['D', 'H', 'W'].slice(3 - this.kernelSize.length)
    const axes = this.kernelSize.length === 1 ? ['L'] : letters
    if (x.rank !== axes.length + 2 || x.shape.at(-1) !== this.inChannels)
      throw new ShapeError(
        `${this}: the input is ${showShape(x.shape)}; it must be [N, ${axes.join(', ')}, ${this.inChannels}]`,
      )
  }

  override torchAxes(name: string): readonly number[] | undefined {
    if (name !== 'weight') return undefined
    const spatial = this.kernelSize.map((_, axis) => axis)
    return [spatial.length + 1, spatial.length, ...spatial]
  }

  override extraRepr(): string {
    const show = (value: Step): string => {
      if (typeof value !== 'object') return String(value)
      return new Set(value).size === 1 ? String(value[0]) : `[${value.join(', ')}]`
    }
    const more = Object.entries({ ...this.settings(), groups: [this.groups, 1] as const })
      .filter(([, [value, usual]]) => value !== usual)
      .map(([name, [value]]) => `, ${name}=${show(value)}`)
    const bias = this.bias ? '' : ', bias=false'
    return `${this.inChannels}, ${this.outChannels}, ${show(this.kernelSize)}${more.join('')}${bias}`
  }
}

/** The settings of plain convolutions. */
export const plain = (own: { stride: Step; padding: Step; dilation: Step }): Settings => ({
  stride: [own.stride, 1],
  padding: [own.padding, 0],
  dilation: [own.dilation, 1],
})
