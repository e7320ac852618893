import { CommanderError } from 'commander'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { type Options, parseOptions } from './options.ts'

const suites = [
  { name: 'ops', about: 'operations' },
  { name: 'train', about: 'training' },
]
const parse = (text: string): Options | undefined =>
  parseOptions(text.split(' ').filter(Boolean), suites)

const written: string[] = []

beforeEach(() => {
  written.length = 0
  const write = (text: unknown): boolean => written.push(String(text)) > 0
  vi.spyOn(process.stderr, 'write').mockImplementation(write)
  vi.spyOn(process.stdout, 'write').mockImplementation(write)
})

afterEach(() => {
  vi.restoreAllMocks()
})

test('all suites and peers are the default', () => {
  const options = parse('')!
  expect(options.suites).toEqual(['ops', 'train'])
  expect(options.backends).toEqual(['cpu'])
  expect(options.peers).toEqual(['tfjs', 'tfjs-wasm', 'jax-js', 'onnxruntime', 'torch'])
  expect(options).toMatchObject({ rounds: 5, turn: 200, profile: false, browser: false })
})

test('suites that are for some devices are the default there', () => {
  const all = [...suites, { name: 'large', about: 'for GPUs', on: ['cuda' as const] }]
  const names = (text: string) => parseOptions(text.split(' '), all)!.suites
  expect(names('--small')).toEqual(['ops', 'train'])
  expect(names('--backend cuda')).toEqual(['large'])
  expect(names('--backend cpu,cuda')).toEqual(['ops', 'train', 'large'])
  expect(names('ops --backend cuda')).toEqual(['ops'])
})

test('lists, numbers and files', () => {
  expect(
    parse(
      'train --backend cpu,webgpu --peers tfjs,torch --threads 3 --rounds 9 --turn 50 --json r.json --html r.html',
    ),
  ).toEqual({
    suites: ['train'],
    backends: ['cpu', 'webgpu'],
    peers: ['tfjs', 'torch'],
    threads: 3,
    rounds: 9,
    turn: 50,
    fastest: false,
    json: 'r.json',
    html: 'r.html',
    small: undefined,
    profile: false,
    browser: false,
  })
  expect(parse('--peers none')!.peers).toEqual([])
  expect(parse('--small')!.small).toBe(true)
  expect(parse('--no-small')!.small).toBe(false)
})

test.for([
  ['opz', 'there is no suite "opz"; known are ops, train'],
  ['--peers tf', 'There is no "tf"; known are tfjs, tfjs-wasm, jax-js, onnxruntime, torch.'],
  ['--backend none', 'There is no "none"; known are cpu, webgpu, cuda.'],
  ['--rounds 0', 'It must be a whole number >= 1.'],
  ['--turns 5', "unknown option '--turns'"],
] as const)('%s is refused', ([text, message]) => {
  expect(() => parse(text)).toThrow(CommanderError)
  expect(written.join('')).toContain(message)
})

test('the help lists the suites', () => {
  expect(parse('--help')).toBeUndefined()
  expect(written.join('')).toContain('train      training')
})
