/** The state of NVIDIA's GPU while it is measured: clocks, temperature, power, and what slows it down. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { describe } from '@nablajs/backend-cuda-node'

/** The GPU that is measured and the libraries that it computes with, or what is missing. */
export function describeGpu(): string {
  const { gpus, libraries, problem } = describe()
  if (problem !== undefined) return problem
  const { name, computeCapability } = gpus[0]!
  const versions = Object.entries({
    'CUDA of the driver': libraries.driver,
    NVRTC: libraries.nvrtc,
    cuBLAS: libraries.cublas,
    cuDNN: libraries.cudnn,
  }).map(([what, found]) => `${what} ${typeof found === 'string' ? 'not found' : found.version}`)
  return [`${name}, compute capability ${computeCapability}`, ...versions].join(', ')
}

/** What is asked of nvidia-smi, in this order. */
const fields = [
  'name',
  'driver_version',
  'clocks.sm',
  'clocks.mem',
  'temperature.gpu',
  'power.draw',
]

/** The last field: drivers before 535 know the second name alone. */
const reasonFields = ['clocks_event_reasons.active', 'clocks_throttle_reasons.active']

/** One look at the GPU. */
export interface GpuLook {
  readonly name: string
  readonly driver: string
  /** MHz. */
  readonly clock: number
  readonly memoryClock: number
  /** Degrees Celsius. */
  readonly temperature: number
  readonly watts: number
  /** What held the clocks down, bit by bit; undefined where the driver does not tell. */
  readonly reasons: number | undefined
}

/** The bits of NVML that a measurement should know of; being idle and clocks that were chosen are none. */
const slowing = [
  [0x4, 'power cap'],
  [0x8, 'hardware slowdown'],
  [0x20, 'software thermal slowdown'],
  [0x40, 'hardware thermal slowdown'],
  [0x80, 'power brake'],
] as const

/** A line of nvidia-smi's; undefined for one that is none. */
export function parseLook(line: string): GpuLook | undefined {
  const cells = line.split(',').map((cell) => cell.trim())
  if (cells.length !== fields.length + 1) return undefined
  const [name, driver, clock, memoryClock, temperature, watts, reasons] = cells
  const bits = Number(reasons)
  return {
    name: name!,
    driver: driver!,
    clock: Number.parseFloat(clock!),
    memoryClock: Number.parseFloat(memoryClock!),
    temperature: Number.parseFloat(temperature!),
    watts: Number.parseFloat(watts!),
    reasons: reasons !== '' && Number.isInteger(bits) ? bits : undefined,
  }
}

function span(values: readonly number[], unit: string): string {
  const known = values.filter(Number.isFinite)
  if (known.length === 0) return `no ${unit}`
  const [least, most] = [Math.min(...known), Math.max(...known)].map(Math.round)
  return least === most ? `${least} ${unit}` : `${least}-${most} ${unit}`
}

/** Several looks in a line. */
export function showLooks(looks: readonly GpuLook[]): string {
  if (looks.length === 0) return 'no look at the GPU in this time'
  const names = slowing.flatMap(([bit, name]) =>
    looks.some(({ reasons = 0 }) => (reasons & bit) !== 0) ? [name] : [],
  )
  const untold = looks.every(({ reasons }) => reasons === undefined)
  return [
    `SM ${span(
      looks.map(({ clock }) => clock),
      'MHz',
    )}`,
    `memory ${span(
      looks.map(({ memoryClock }) => memoryClock),
      'MHz',
    )}`,
    span(
      looks.map(({ temperature }) => temperature),
      '°C',
    ),
    span(
      looks.map(({ watts }) => watts),
      'W',
    ),
    untold
      ? 'throttling not told'
      : names.length > 0
        ? `SLOWED by ${names.join(', ')}`
        : 'not slowed',
  ].join(', ')
}

/** Looks at the first GPU twice a second, by nvidia-smi, for as long as the measurements last. */
export class GpuWatch {
  readonly #command: string
  #child: ChildProcess
  #looks: GpuLook[] = []
  #seen = false
  /** Why there are no looks; empty once it was told. */
  #told: string | undefined

  constructor(command = 'nvidia-smi') {
    this.#command = command
    this.#child = this.#start(reasonFields)
    process.once('exit', () => this.close())
  }

  #start([reasons, ...others]: readonly string[]): ChildProcess {
    const query = `--query-gpu=${[...fields, reasons].join(',')}`
    const options = ['--format=csv,noheader,nounits', '--id=0', '--loop-ms=500']
    const child = spawn(this.#command, [query, ...options], { stdio: ['ignore', 'pipe', 'ignore'] })
    child.on('error', (error) => {
      this.#told = `nvidia-smi does not run: ${error.message}`
    })
    child.on('close', (code, signal) => {
      if (signal || this.#told !== undefined) return
      if (!this.#seen && others.length > 0) this.#child = this.#start(others)
      else this.#told = `nvidia-smi ended with ${code}`
    })
    // Who ends without a close does not wait for it either.
    child.unref()
    createInterface({ input: child.stdout }).on('line', (line) => {
      const look = parseLook(line)
      if (!look) return
      this.#seen = true
      this.#looks.push(look)
    })
    return child
  }

  /** What was seen since the last time this was asked; why nothing can be is told once. */
  since(): string | undefined {
    const looks = this.#looks
    this.#looks = []
    if (looks.length > 0 || this.#told === undefined) return showLooks(looks)
    const problem = this.#told
    this.#told = ''
    return problem === '' ? undefined : problem
  }

  close(): void {
    this.#child.kill()
  }
}
