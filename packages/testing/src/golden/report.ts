/** Counts what passed, failed and was skipped, and says so. */

/** Thrown by a case that cannot run; the message is the reason of its skip. */
export class Unsupported extends Error {}

export interface Skip {
  /** What cases are grouped by. */
  readonly what: string
  readonly reason: string
}

/** The result of one group of cases, such as all ops. */
export class Report {
  readonly group: string
  passed = 0
  readonly failures: { readonly id: string; readonly why: string }[] = []
  readonly skips: Skip[] = []
  readonly #started = performance.now()

  constructor(group: string) {
    this.group = group
  }

  skip(what: string, reason: string, count = 1): void {
    for (let i = 0; i < count; i++) this.skips.push({ what, reason })
  }

  fail(id: string, why: string): void {
    this.failures.push({ id, why })
  }

  /**
   * Runs one case: `check` gives what is wrong with it, nothing if all is well, and throws
   * {@link Unsupported} when it cannot be run. Any other error is a failure.
   */
  async run(id: string, what: string, check: () => Promise<readonly string[]>): Promise<void> {
    try {
      const problems = await check()
      if (problems.length === 0) this.passed++
      else this.fail(id, problems.join('; '))
    } catch (error) {
      if (error instanceof Unsupported) this.skip(what, error.message)
      else this.fail(id, String(error))
    }
  }

  /** Skips with the same subject and reason as one line. */
  lines(): string[] {
    const { group, passed, failures, skips } = this
    const seconds = ((performance.now() - this.#started) / 1000).toFixed(1)
    const counts = new Map<string, number>()
    for (const { what, reason } of skips) {
      const key = JSON.stringify([what, reason])
      counts.set(key, (counts.get(key) ?? 0) + 1)
    }
    const skipped = [...counts].map(([key, count]) => {
      const [what, reason] = JSON.parse(key) as [string, string]
      return `  skipped ${what} (${count}): ${reason}`
    })
    const failed = failures.map(({ id, why }) => `  FAILED ${id}: ${why}`)
    const summary = `${passed} passed, ${failures.length} failed, ${skips.length} skipped`
    return [`${group}: ${summary} (${seconds} s)`, ...skipped, ...failed]
  }
}
