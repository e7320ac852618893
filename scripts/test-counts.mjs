// Adds up the vitest runs of all packages: their JSON reports are what each run leaves in
// .vitest/. Prints one line; fails if a test failed or if there was no report at all.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const total = { passed: 0, failed: 0, skipped: 0 }
let reports = 0

for (const folder of ['packages', 'apps']) {
  for (const entry of readdirSync(join(root, folder))) {
    const reportFolder = join(root, folder, entry, '.vitest')
    if (!existsSync(reportFolder)) continue
    for (const file of readdirSync(reportFolder).filter((name) => name.endsWith('.json'))) {
      const report = JSON.parse(readFileSync(join(reportFolder, file), 'utf8'))
      const brokenFiles = report.testResults.filter(
        (result) => result.status === 'failed' && result.assertionResults.length === 0,
      )
      total.passed += report.numPassedTests
      total.failed += report.numFailedTests + brokenFiles.length
      total.skipped += report.numPendingTests + report.numTodoTests
      reports += 1
    }
  }
}

console.log(`tests: ${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`)
process.exit(total.failed > 0 || reports === 0 ? 1 : 0)
