/** What a call costs. */
import type { Suite, Work } from '../suite.ts'

const count = 1000

const additions = (name: string, note: string, recorded: boolean, walk: boolean): Work => ({
  name,
  note: `${count} times in a chain, in a scope${note}`,
  task: { kind: 'additions', count, recorded, walk },
  items: { count, unit: 'additions' },
})

export const dispatch: Suite = {
  name: 'dispatch',
  about: 'additions of one element: the cost of a call, its kernel included',
  works: [
    additions('one-element add', '', false, false),
    additions('one-element add, recorded', ', on the tape', true, false),
    additions(
      'one-element add, recorded and walked back',
      ', on the tape, with backward()',
      true,
      true,
    ),
  ],
}
