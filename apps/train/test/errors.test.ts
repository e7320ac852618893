import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { decodeCheckpoint, saveCheckpoint } from '@nablajs/tensor/io'
import { beforeAll, expect, test } from 'vitest'
import { temporaryFolder, tiny, train } from './command.ts'

const cwd = temporaryFolder()

/** A wrong run: one line on stderr, exit code 2, and no file that was not there before. */
async function refusal(args: readonly string[]): Promise<string> {
  const before = readdirSync(cwd)
  const { code, stdout, stderr } = await train(args, { cwd })
  expect([code, stdout]).toEqual([2, ''])
  expect(stderr).toMatch(/^error: .*\n$/)
  expect(readdirSync(cwd)).toEqual(before)
  return stderr.slice('error: '.length, -1)
}

beforeAll(async () => {
  const { code } = await train([...tiny, '--epochs', '1', '--out', 'good'], { cwd })
  expect(code).toBe(0)
  writeFileSync(join(cwd, 'text'), 'hello')
})

test.each([
  ['--epoch 3', "unknown option '--epoch' (Did you mean --epochs?)"],
  ['file', 'too many arguments. Expected 0 arguments but got 1: file.'],
  ['--epochs', "option '--epochs <n>' argument missing"],
  ['--epochs 0', "option '--epochs <n>' argument '0' is invalid. It must be a whole number in 1"],
  ['--batch-size 1.5', "argument '1.5' is invalid. It must be a whole number in 1 .. 1000000."],
  ['--lr 0', "argument '0' is invalid. It must be a number above 0."],
  ['--lr 0x10', "argument '0x10' is invalid. It must be a number above 0."],
  ['--lr 1e999', "argument '1e999' is invalid. It must be a number above 0."],
  ['--seed -1', "argument '-1' is invalid. It must be a whole number in 0 .. 4294967295."],
  ['--optimizer adm', "argument 'adm' is invalid. It must be sgd or adam or adamw."],
  ['--precision f8', "argument 'f8' is invalid. It must be f32 or bf16 or f16."],
  ['--data cifar', "argument 'cifar' is invalid. It must be digits or mnist."],
  ['--backend tpu', "argument 'tpu' is invalid. It must be cpu or webgpu or cuda or reference."],
  ['--data mnist', '--data mnist needs --data-dir FOLDER, the folder with its four files'],
  ['--data-dir .', '--data-dir came, but the digits are built in; add --data mnist'],
  [
    '--data mnist --data-dir nowhere',
    'mnist: there is no folder nowhere; it should hold train-images-idx3-ubyte.gz',
  ],
  ['--data mnist --data-dir .', 'mnist: the folder . has neither train-images-idx3-ubyte.gz nor'],
  ['--out nowhere/file', '--out nowhere/file: there is no folder nowhere; choose another file'],
  ['--out text/file', '--out text/file: there is no folder text; choose another file'],
  ['--out .', '--out .: it is no file; choose another file'],
  ['--resume nowhere', 'nowhere cannot be read (ENOENT); it should be a checkpoint'],
  ['--resume .', '. is no file; it should be a checkpoint'],
  ['--resume text', 'text: safetensors: 5 bytes are too few for a file'],
  ['--resume good --seed 5', '--seed 5 came, but good was made with 1; leave it out to go on, or'],
  ['--resume good --data mnist', '--data mnist came, but good was made with digits;'],
  ['--resume good', 'good has all of its 1 epochs done; add --epochs with a larger number'],
])('%s', async (args, message) => {
  expect(await refusal(args.split(' '))).toContain(message)
})

test('a truncated file of MNIST is named', async () => {
  const images = gzipSync(new Uint8Array(1000).map((_, i) => (i * i) % 251))
  const path = join(cwd, 'train-images-idx3-ubyte.gz')
  writeFileSync(path, images.subarray(0, 200))
  expect(await refusal(['--data', 'mnist', '--data-dir', '.'])).toBe(
    'mnist: train-images-idx3-ubyte.gz: the gzip data ends too early; the file is truncated, fetch it again',
  )
})

/** Changes bytes of the good checkpoint. */
function spoil(change: (bytes: Uint8Array) => Uint8Array): void {
  writeFileSync(join(cwd, 'bad'), change(new Uint8Array(readFileSync(join(cwd, 'good')))))
}

test.each<[string, (bytes: Uint8Array) => Uint8Array, string]>([
  ['empty', () => new Uint8Array(), 'bad: safetensors: 0 bytes are too few'],
  ['truncated', (bytes) => bytes.subarray(0, -100), 'bad: safetensors: '],
  ['a huge header', (bytes) => bytes.fill(255, 0, 8), 'bad: safetensors: the header claims 1844'],
  [
    'a long header',
    (bytes) => bytes.fill(255, 0, 3),
    'bad: safetensors: the header claims 16777215',
  ],
  ['no JSON', (bytes) => bytes.fill(0x7b, 8, 20), 'bad: safetensors: the header is not JSON'],
])('a corrupt checkpoint is refused: %s', async (_, change, message) => {
  spoil(change)
  expect(await refusal(['--resume', 'bad'])).toContain(message)
})

type Mutable = Record<string, Record<string, unknown>>

/** Puts another value in place of one; `undefined` takes it away. */
function set(...path: [...keys: string[], value: unknown]): (tree: Mutable) => undefined {
  const value = path.pop()
  const last = path.pop() as string
  return (tree) => {
    let at: Record<string, unknown> = tree
    for (const key of path as string[]) at = at[key] as Mutable
    if (value === undefined) delete at[last]
    else at[last] = value
  }
}

test.each<[string, (tree: Mutable) => unknown, string]>([
  ['another format', () => ({ hello: 1 }), 'the file is no checkpoint of this program'],
  ['no object', () => [1, 2], 'the file is no checkpoint of this program'],
  ['no model', set('model', undefined), 'the part "model" is missing or damaged'],
  [
    'a hostile recipe',
    set('recipe', 'copies', 1e9),
    "the recipe's copies is 1000000000; it must be a whole number in 0 .. 100",
  ],
  [
    'a recipe that is not of this model',
    set('model', '0.weight', undefined),
    'bad does not fit: loadStateDict: the entries do not fit Sequential: missing: 0.weight',
  ],
  [
    'an optimizer without averages',
    set('optimizer', 'state', '0', 'exp_avg', undefined),
    'bad does not fit: AdamW: the state of parameter 0 has exp_avg = undefined',
  ],
  ['an optimizer that is none', set('optimizer', 'state', 5), 'damaged'],
  ['a position', set('loader', 'batch', 1e6), 'batch is 1000000, but'],
  ['a generator', set('generator', 'draws', -1), '"generator" is damaged'],
])('a checkpoint with %s is refused', async (_, change, message) => {
  const tree = decodeCheckpoint(new Uint8Array(readFileSync(join(cwd, 'good')))) as Mutable
  const bytes = await saveCheckpoint(change(tree) ?? tree)
  writeFileSync(join(cwd, 'bad'), bytes)
  expect(await refusal(['--resume', 'bad', '--epochs', '2'])).toContain(message)
})
