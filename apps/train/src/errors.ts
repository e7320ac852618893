/** Something in the user's hands: said in one line, exit code 2, no stack. */
export class UserError extends Error {
  override name = 'UserError'
}

/** A run that cannot go on, through nobody's input: one line, exit code 1. */
export class RunError extends Error {
  override name = 'RunError'
}

/** What an error says, on one line. */
export function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  return message.replace(/\s*\n\s*/g, ' ').trim()
}

/** Runs `body` on what the user gave; what it throws is the user's to mend. */
export async function onInput<T>(prefix: string, body: () => T | Promise<T>): Promise<T> {
  try {
    return await body()
  } catch (error) {
    throw new UserError(`${prefix}${messageOf(error)}`, { cause: error })
  }
}
