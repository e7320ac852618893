import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { decodeSafetensors } from '@nablajs/tensor'
import { expect, test } from 'vitest'
import { losses, temporaryFolder, tiny, train } from './command.ts'

const cwd = temporaryFolder()

test('--json prints events, one a line, and nothing else', async () => {
  const args = [...tiny, '--epochs', '2', '--json', '--out', 'json.safetensors']
  const { code, stderr, events } = await train(args, { cwd })
  expect([code, stderr]).toEqual([0, ''])
  expect(events.map(({ event }) => event)).toEqual([
    'start',
    ...Array<string>(6).fill('step'),
    'epoch',
    ...Array<string>(6).fill('step'),
    'epoch',
    'result',
  ])
  const [start, result] = [events[0]!, events.at(-1)!]
  expect(start).toMatchObject({ data: 'digits', train: 1500, test: 297, seed: 1, epochs: 2 })
  expect(result).toMatchObject({ total: 297, checkpoint: 'json.safetensors' })
  expect(result['reloadedAccuracy']).toBe(result['testAccuracy'])
  const confusion = (result['confusion'] as number[][]).flat()
  expect(confusion.reduce((sum, n) => sum + n)).toBe(297)
  expect(events.at(-2)).toMatchObject({ epoch: 2, testAccuracy: result['testAccuracy'] })
  // Whole, and nothing beside it.
  expect(readdirSync(cwd)).toEqual(['json.safetensors'])
  const { tensors } = decodeSafetensors(readFileSync(join(cwd, 'json.safetensors')))
  expect([...tensors.keys()]).toContain('model.0.weight')
})

test('the same seed gives the same losses, another one others', async () => {
  const run = async (seed: string) => {
    const args = [
      ...tiny,
      '--epochs',
      '1',
      '--seed',
      seed,
      '--json',
      '--out',
      `${seed}.safetensors`,
    ]
    return losses((await train(args, { cwd })).events)
  }
  const [first, second, other] = [await run('7'), await run('7'), await run('8')]
  expect(first).toHaveLength(6)
  expect(second).toEqual(first)
  expect(other).not.toEqual(first)
})

test.each([
  ['sgd', 'f32'],
  ['adam', 'bf16'],
  ['adamw', 'f16'],
])('%s in %s: a resumed run is the run that was never stopped', async (name, precision) => {
  const args = [
    '--copies',
    '0',
    '--batch-size',
    '128',
    '--optimizer',
    name,
    '--precision',
    precision,
    '--epochs',
    '3',
    '--json',
  ]
  const whole = await train([...args, '--out', `${name}-whole`], { cwd })
  const stopped = await train([...args, '--out', name], {
    cwd,
    when: (line) => line.includes('"event":"epoch","epoch":1'),
  })
  expect(stopped.code).toBe(130)
  const resumed = await train(['--resume', name, '--json'], { cwd })
  expect([whole.code, resumed.code, resumed.stderr]).toEqual([0, 0, ''])
  const done = resumed.events[0]!['epochsDone'] as number
  expect(done).toBeGreaterThanOrEqual(1)
  expect(losses(resumed.events)).toEqual(losses(whole.events).slice(done * 12))
  const { seconds: _, checkpoint: __, ...result } = resumed.events.at(-1)!
  expect(whole.events.at(-1)).toMatchObject(result)
  // The last checkpoints hold the same to the last bit.
  expect(readFileSync(join(cwd, name)).equals(readFileSync(join(cwd, `${name}-whole`)))).toBe(true)
})

test('a finished run goes on with more epochs', async () => {
  await train([...tiny, '--epochs', '1', '--out', 'more'], { cwd })
  const finished = await train(['--resume', 'more'], { cwd })
  expect([finished.code, finished.stderr]).toEqual([
    2,
    'error: more has all of its 1 epochs done; add --epochs with a larger number\n',
  ])
  const { code, events } = await train(['--resume', 'more', '--epochs', '2', '--json'], { cwd })
  expect([code, events[0]!['epochsDone'], losses(events).length]).toEqual([0, 1, 6])
})

test.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)('%s leaves the last whole checkpoint and says so', async (signal, code) => {
  const out = `${signal}.safetensors`
  const args = [...tiny, '--epochs', '1000', '--out', out]
  const {
    code: ended,
    stdout,
    stderr,
  } = await train(args, {
    cwd,
    signal,
    when: (line) => /^epoch +2\/1000 /.test(line),
  })
  const epoch = stdout.match(/^epoch +(\d+)\/1000 /gm)!.length
  expect([ended, stderr]).toEqual([
    code,
    `interrupted; go on with --resume ${out}, which holds epoch ${epoch}\n`,
  ])
  expect(readdirSync(cwd).filter((name) => name.startsWith(out))).toEqual([out])
})

test('stopped in the first epoch, there is no checkpoint', async () => {
  // The reference device is slow enough to be caught within it.
  const args = ['--backend', 'reference', '--copies', '0', '--batch-size', '2', '--json']
  const { code, stderr } = await train([...args, '--out', 'none'], {
    cwd,
    when: (line) => line.includes('"event":"step"'),
  })
  expect([code, stderr]).toEqual([
    130,
    'interrupted before the first epoch was over; no checkpoint was written\n',
  ])
  expect(existsSync(join(cwd, 'none'))).toBe(false)
})

test('a loss that is no number ends the run', async () => {
  const args = [...tiny, '--optimizer', 'sgd', '--lr', '1e30', '--out', 'nan.safetensors']
  const { code, stderr } = await train(args, { cwd })
  expect(code).toBe(1)
  expect(stderr).toMatch(
    /^error: the loss is (NaN|Infinity) at epoch 1, step \d; the first parameter that is not finite is 0\.weight; try a smaller --lr than 1e\+30\n$/,
  )
  expect(existsSync(join(cwd, 'nan.safetensors'))).toBe(false)
})

test('without a terminal, plain lines', async () => {
  const { code, stdout, stderr } = await train([...tiny, '--epochs', '2'], { cwd })
  expect([code, stderr]).toEqual([0, ''])
  expect(stdout).not.toMatch(/\p{Cc}(?<!\n)/u)
  const lines = stdout.split('\n')
  expect(lines[0]).toBe('digits: 1,500 images to train on, 297 to test with')
  expect(lines.filter((line) => /^epoch \d\/2 {2}loss /.test(line))).toHaveLength(2)
  expect(stdout).toMatch(/^ {11}read as\n {2}written {5}0 {3}1 {3}2/m)
  expect(stdout).toMatch(/^ {2}a \d, read as \d/m)
  expect(stdout).toMatch(/^test accuracy (0\.\d{4}) \(\d+ of 297\)(.|\n)*: test accuracy \1\n$/m)
  // The folder of the default is made.
  expect(readdirSync(join(cwd, 'runs'))).toEqual(['digits.safetensors'])
})

test('MNIST files of other sizes train as well', async () => {
  const [images, size] = [24, 12]
  const pixels = Array.from({ length: images * size * size }, (_, i) => (i * 37) % 256)
  const labels = Array.from({ length: images }, (_, i) => i % 10)
  const folder = join(cwd, 'mnist')
  mkdirSync(folder)
  for (const part of ['train', 't10k']) {
    const put = (name: string, bytes: number[]): void =>
      writeFileSync(join(folder, `${part}-${name}`), Uint8Array.from(bytes))
    put('images-idx3-ubyte', [
      0,
      0,
      8,
      3,
      ...[images, size, size].flatMap((n) => [0, 0, 0, n]),
      ...pixels,
    ])
    put('labels-idx1-ubyte', [0, 0, 8, 1, 0, 0, 0, images, ...labels])
  }
  const args = ['--data', 'mnist', '--data-dir', 'mnist', '--epochs', '1', '--batch-size', '5']
  const { code, stderr, events } = await train([...args, '--json'], { cwd })
  expect([code, stderr, losses(events).length]).toEqual([0, '', 5])
  expect(readdirSync(join(cwd, 'runs'))).toContain('mnist.safetensors')
})

test('whoever stops reading stops the run', async () => {
  const { code, stderr } = await train([...tiny, '--epochs', '1000', '--out', 'pipe'], {
    cwd,
    closeAfter: (line) => line.startsWith('epoch'),
  })
  expect([code, stderr]).toEqual([0, ''])
})
