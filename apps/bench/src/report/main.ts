/** The script of the report that `--html` writes: draws the results that its page holds. */
import type { Results } from '../results.ts'
import { showReport } from './report.ts'

const data = document.querySelector('#results')!.textContent
showReport(document.querySelector('main')!, JSON.parse(data) as Results)
