/** The momentum of a group, for schedules that move it against the learning rate. */
import { ArgumentError } from '@nablajs/tensor'

interface Group {
  momentum?: number
  betas?: readonly [number, ...number[]]
}

/** Sets `momentum`, or β₁ where there are `betas`. */
export function setMomentum(group: object, value: number): void {
  const own = group as Group
  if (own.betas) own.betas = [value, ...own.betas.slice(1)]
  else own.momentum = value
}

/** Refuses optimizers without a momentum. */
export function demandMomentum(groups: readonly object[], name: string): void {
  for (const group of groups)
    if (!('betas' in group) && !(group as Group).momentum)
      throw new ArgumentError(
        `${name}: cycleMomentum is true; it must be false for optimizers without momentum`,
      )
}
