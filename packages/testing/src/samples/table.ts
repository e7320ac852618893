import type { Inputs, Sample } from '../sample.ts'

/** The samples of ops by name. */
export type SampleTable = Readonly<Record<string, (inputs: Inputs) => readonly Sample[]>>
