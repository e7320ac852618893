import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { encodeSafetensors, type HostTensor } from '@nablajs/tensor'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { formulaWeights, hashUniform } from '../src/golden/formula.ts'

const main = join(import.meta.dirname, '..', 'src', 'golden', 'main.ts')

function golden(...args: string[]): { status: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], {
    encoding: 'utf8',
  })
  return { status, out: stdout, err: stderr }
}

const f64 = (...values: number[]): HostTensor => ({
  dtype: 'F64',
  shape: [values.length],
  data: new Uint8Array(Float64Array.from(values).buffer),
})

/** A case of relu on [-1, 2], and how it differs. */
const relu = (id: string, rest: object) => ({
  id,
  op: 'relu',
  args: {},
  inputs: { x: 'x' },
  outputs: ['y'],
  grad_outputs: ['one'],
  grads: { x: 'dx' },
  ...rest,
})

describe('the golden runner', () => {
  let folder: string
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'nabla-golden-'))
    writeFileSync(
      join(folder, 'ops.safetensors'),
      encodeSafetensors({
        x: f64(-1, 2),
        y: f64(0, 2),
        one: f64(1, 1),
        dx: f64(0, 1),
        wrong: f64(0, 2.1),
      }),
    )
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  const run = (cases: object[], ...args: string[]) => {
    writeFileSync(join(folder, 'ops.json'), JSON.stringify({ cases }))
    return golden(folder, ...args)
  }

  it('passes what is right, and says how many', () => {
    const { status, out } = run([relu('a', {}), relu('b', {})])
    expect(out.trimEnd().split('\n').at(-1)).toBe('golden: 2 passed, 0 failed, 0 skipped')
    expect(status).toBe(0)
  })

  it('runs on the cpu device', () => {
    expect(run([relu('a', {})], '--backend', 'cpu').out).toContain('1 passed')
  })

  it('fails with id, both values and the error', () => {
    const { status, out } = run([
      relu('right', {}),
      relu('output', { outputs: ['wrong'] }),
      relu('gradient', { grads: { x: 'wrong' } }),
    ])
    expect(out).toContain(
      'FAILED output: output 0: 1 elements differ, worst at [1]: 2, expected 2.1',
    )
    expect(out).toContain('FAILED gradient: gradient of x: ')
    expect(out).toContain('golden: 1 passed, 2 failed, 0 skipped')
    expect(status).toBe(1)
  })

  it('skips with a reason what it does not know', () => {
    const { status, out } = run([
      relu('op', { op: 'frobnicate' }),
      relu('argument', { args: { inplace: true } }),
      relu('input', { inputs: { x: 'x', weight: 'one' } }),
    ])
    expect(out).toContain('skipped frobnicate (1): not implemented yet')
    expect(out).toContain('skipped relu (1): argument inplace = true')
    expect(out).toContain('skipped relu (1): input weight')
    expect(out).toContain('golden: 0 passed, 0 failed, 3 skipped')
    expect(status).toBe(0)
  })

  it('compares all of a case', () => {
    const { out } = run([
      relu('outputs', { outputs: ['y', 'y'], grad_outputs: ['one', null] }),
      relu('state', { after: { running_mean: 'y' } }),
      relu('tensor', { outputs: ['nowhere'] }),
    ])
    expect(out).toContain('FAILED outputs: 1 outputs, expected 2')
    expect(out).toContain('FAILED state: running_mean afterwards: not given')
    expect(out).toContain('FAILED tensor: Error: the safetensors file has no tensor "nowhere"')
  })

  it('ends with 2 and one line when it is called wrongly', () => {
    const calls = [
      [],
      ['/no/such/folder'],
      [tmpdir()],
      [folder, '--only', 'nonsense'],
      [folder, '--only', 'rnn'],
      [folder, '--backend', 'abacus'],
      [folder, '--frobnicate'],
    ]
    for (const args of calls) {
      const { status, err } = golden(...args)
      expect(status, args.join(' ')).toBe(2)
      expect(err.trimEnd().split('\n')).toHaveLength(1)
    }
  })
})

describe('formula weights', () => {
  it('hash as the format says', () => {
    expect([...hashUniform(4, 1, 0)]).toEqual([
      -0.8594662046525627, 0.2991711914073676, -0.014094428392127156, -0.08747805026359856,
    ])
  })

  it('scale by what an entry is', () => {
    const weight = formulaWeights({ name: 'a.weight', shape: [2, 3], norm: false }, 0, 1, 2)
    expect(weight[0]).toBe(Math.fround(-0.8594662046525627 * 2))
    const gamma = formulaWeights({ name: 'bn.weight', shape: [4], norm: true }, 0, 1, 2)
    expect(gamma[0]).toBe(Math.fround(1 - 0.08594662046525627))
    const counted = { name: 'bn.num_batches_tracked', shape: [], norm: true }
    expect([...formulaWeights(counted, 0, 1, 2)]).toEqual([0])
  })
})
