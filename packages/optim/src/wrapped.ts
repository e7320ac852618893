/** What methods that work around another optimizer need of it. */
import type { Tensor } from '@nablajs/tensor'

/** An optimizer as `Lookahead` and `SAM` see it. */
export interface Wrapped {
  readonly paramGroups: readonly { readonly params: readonly Tensor[] }[]
  zeroGrad(): void
  step(): void
  step(closure: () => Tensor): Tensor
}

export function parametersOf({ paramGroups }: Wrapped): Tensor[] {
  return paramGroups.flatMap(({ params }) => params)
}
