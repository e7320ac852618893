import { expect, test } from 'vitest'
import { type Results, rowsOf } from '../results.ts'
import { htmlReport } from './html.ts'

const results: Results = {
  date: '2026-01-02T03:04:05.000Z',
  machine: 'a machine </script><script>alert(1)</script>',
  load: undefined,
  rounds: 1,
  turn: 1,
  fastest: false,
  floors: { flops: 1e9, bandwidth: 1e9 },
  comparisons: [
    {
      suite: 'ops',
      name: 'a work',
      note: '',
      subjects: [{ name: 'ours', version: '1', ms: 1, turns: [1, 2] }],
      peers: [{ name: 'slow', version: '1', ms: 9, turns: [9, null] }],
      skips: [],
    },
  ],
  measures: [],
  bars: [],
}

test('the report is one file that holds its data and asks for nothing', async () => {
  const html = await htmlReport(results)
  const data = /<script type="application\/json" id="results">(.*?)<\/script>/s.exec(html)![1]!
  const read = JSON.parse(data) as Results
  expect(read).toEqual({ ...results, load: undefined })
  expect(rowsOf(read)).toEqual(rowsOf(results))
  // Two scripts, none from elsewhere; the data closed neither.
  expect(html.match(/<script/g)).toHaveLength(2)
  expect(html.match(/<\/script/g)).toHaveLength(2)
  expect(html).not.toMatch(/<(script|link|img)[^>]+(src|href)=/)
  expect(html).not.toContain('@import')
})
