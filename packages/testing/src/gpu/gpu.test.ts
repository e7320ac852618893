import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { countGolden, countVitest, none, summary } from './outcome.ts'
import { findSanitizer, judge, optionsFor } from './sanitizer.ts'

test("the counts of vitest's report, with what failed and what was skipped", () => {
  const assertion = (status: string, fullName: string) => ({ status, fullName })
  const report = {
    testResults: [
      {
        name: 'a.test.ts',
        status: 'failed',
        assertionResults: [
          assertion('passed', 'a one'),
          assertion('failed', 'a two'),
          assertion('pending', 'a three (no cuDNN)'),
          assertion('todo', 'a four'),
        ],
      },
      { name: 'b.test.ts', status: 'failed', message: 'no such file\nat b', assertionResults: [] },
    ],
  }
  expect(countVitest(report)).toEqual({
    counts: { passed: 1, failed: 2, skipped: 2 },
    notes: [
      'failed: b.test.ts: no such file',
      'failed: a two',
      'skipped: a three (no cuDNN)',
      'skipped: a four',
    ],
  })
})

test('the counts of golden cases are in the last line', () => {
  const output = 'ops: 3 passed\ngolden: 572 passed, 1 failed, 9 skipped\n'
  expect(countGolden(output)).toEqual({ passed: 572, failed: 1, skipped: 9 })
  expect(countGolden('golden: no such folder')).toBeUndefined()
})

test('the summary has every part, its notes, and all counts', () => {
  const notes = Array.from({ length: 14 }, (_, i) => `skipped: test ${i}`)
  const outcomes = [
    {
      part: 'device',
      ok: true,
      counts: { passed: 9, failed: 0, skipped: 14 },
      notes,
      seconds: 2.4,
    },
    { part: 'memcheck', ok: false, counts: { ...none, failed: 3 }, notes: [], seconds: 60 },
    { part: 'goldens', ok: undefined, counts: none, notes: ['no folder'], seconds: 0 },
  ]
  const lines = summary(['GPU 0: one'], outcomes).split('\n')
  expect(lines.slice(0, 4)).toEqual([
    'test:gpu',
    '  GPU 0: one',
    '  device    passed  9 passed, 0 failed, 14 skipped, 2 s',
    '              skipped: test 0',
  ])
  expect(lines[15]).toBe('              ... and 2 more')
  expect(lines.slice(16)).toEqual([
    '  memcheck  FAILED  0 passed, 3 failed, 0 skipped, 60 s',
    '  goldens   SKIPPED',
    '              no folder',
    'test:gpu: 9 passed, 3 failed, 14 skipped; FAILED: memcheck',
  ])
})

const windows = process.platform === 'win32'
const alone = windows ? ' (its stand-in is a shell script)' : ''

test.skipIf(windows)(`compute-sanitizer is found in PATH and toolkits${alone}`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'nabla-sanitizer-'))
  try {
    expect(findSanitizer({ PATH: folder, CUDA_HOME: folder })).toHaveProperty('missing')
    mkdirSync(join(folder, 'compute-sanitizer'))
    const inToolkit = join(folder, 'compute-sanitizer', 'compute-sanitizer')
    writeFileSync(inToolkit, '')
    expect(findSanitizer({ PATH: '', CUDA_HOME: folder })).toEqual({ path: inToolkit })
    mkdirSync(join(folder, 'bin'))
    const inPath = join(folder, 'bin', 'compute-sanitizer')
    writeFileSync(inPath, '')
    expect(findSanitizer({ PATH: join(folder, 'bin') })).toEqual({ path: inPath })
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('what compute-sanitizer says', () => {
  expect(optionsFor('racecheck').slice(0, 2)).toEqual(['--tool', 'racecheck'])
  expect(judge('========= ERROR SUMMARY: 0 errors\n', 0)).toEqual({ errors: 0 })
  expect(judge('========= ERROR SUMMARY: 1 error\n', 86)).toEqual({ errors: 1 })
  const hazards = '========= RACECHECK SUMMARY: 12 hazards displayed (12 errors, 0 warnings)'
  expect(judge(hazards, 86)).toEqual({ errors: 12 })
  expect(judge('========= ERROR SUMMARY: 0 errors', 1)).toEqual({
    broken: 'the program ended with 1',
  })
  expect(judge('Segmentation fault', 139)).toEqual({ broken: 'no summary came; it ended with 139' })
  expect(judge('========= Error: Device not supported. Please refer to\n', 1)).toEqual({
    refused: 'Error: Device not supported. Please refer to',
  })
})
