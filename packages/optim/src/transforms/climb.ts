import { type Transform, transform } from '../transform.ts'

export interface ClimbOptions {
  /** Climb instead of descend. Default false. */
  maximize: boolean
}

/** `u ← -u` with `maximize`: the first link of every optimizer that can climb. */
export const climb: Transform<ClimbOptions> = transform({
  name: 'climb',
  defaults: { maximize: false } as ClimbOptions,
  active: ({ maximize }) => maximize,
  update: (u) => ({ u: u.neg() }),
})
