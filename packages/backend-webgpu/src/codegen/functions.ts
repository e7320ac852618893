/**
 * The functions of WGSL that programs call, written out: the built-in ones may be off by 2^-11 (sin),
 * and a compiler may assume that NaN and infinity do not exist. So what depends on them is decided on
 * bits, and their constants come out of a parameter that is 0, where no compiler sees them.
 *
 * No formula here relies on an addition being rounded where it stands: WGSL may fuse and reassociate.
 * Where digits are split off, they are masked.
 */

import { type BasicName, basicFunctions } from './basic-functions.ts'
import { type ElementaryName, elementaryFunctions } from './elementary-functions.ts'

/** The name of a function, as WGSL has it. */
export type FunctionName = BasicName | ElementaryName

export interface WgslFunction {
  /** The functions that this one calls. */
  readonly needs?: readonly FunctionName[]
  readonly code: string
}

const functions: Readonly<Record<FunctionName, WgslFunction>> = {
  ...basicFunctions,
  ...elementaryFunctions,
}

/** The functions named and all that they call, each after those it needs. */
export function functionsFor(names: Iterable<FunctionName>): string[] {
  const done = new Set<FunctionName>()
  const visit = (name: FunctionName): void => {
    if (done.has(name)) return
    for (const needed of functions[name].needs ?? []) visit(needed)
    done.add(name)
  }
  for (const name of names) visit(name)
  return [...done].map((name) => functions[name].code)
}
