import { describe, type SuiteFactory } from 'vitest'
import { webgpu } from '../src/index.ts'

/** Why no device can be opened here, or undefined. */
async function missing(): Promise<string | undefined> {
  try {
    ;(await webgpu()).dispose()
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

const reason = await missing()

/** A suite that needs a GPU (a software one will do): skipped, with the reason in its title, where there is none. */
export function describeOnGpu(title: string, body: SuiteFactory): void {
  if (reason === undefined) describe(title, body)
  else describe.skip(`${title} (${reason})`, body)
}
