import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { type GpuLook, GpuWatch, parseLook, showLooks } from './state.ts'

const line = 'NVIDIA H200, 580.159.04, 1980, 3201, 41, 412.55, 0x0000000000000004'

test('a line of nvidia-smi', () => {
  const look: GpuLook = {
    name: 'NVIDIA H200',
    driver: '580.159.04',
    clock: 1980,
    memoryClock: 3201,
    temperature: 41,
    watts: 412.55,
    reasons: 4,
  }
  expect(parseLook(line)).toEqual(look)
  expect(parseLook(line.replace(/0x\d+/, '[N/A]'))).toEqual({ ...look, reasons: undefined })
  expect(parseLook('Unable to determine the device handle')).toBeUndefined()
})

test('looks are summed up, with what slows the GPU down', () => {
  const look = parseLook(line)!
  const other = { ...look, clock: 1755, temperature: 60, watts: Number.NaN, reasons: 0x41 }
  expect(showLooks([look, other])).toBe(
    'SM 1755-1980 MHz, memory 3201 MHz, 41-60 °C, 413 W, SLOWED by power cap, hardware thermal slowdown',
  )
  expect(showLooks([{ ...look, reasons: 1 }])).toContain(', not slowed')
  expect(showLooks([{ ...look, reasons: undefined }])).toContain(', throttling not told')
  expect(showLooks([])).toBe('no look at the GPU in this time')
})

test('a machine without nvidia-smi says so', async () => {
  const watch = new GpuWatch('no-such-nvidia-smi')
  let said: string | undefined
  await vi.waitFor(() => {
    said = watch.since()
    expect(said).toMatch(/^nvidia-smi does not run: .*ENOENT/)
  })
  expect(watch.since()).toBeUndefined()
  watch.close()
})

const windows = process.platform === 'win32'

test.skipIf(windows)(
  `an nvidia-smi of old drivers is asked by the older name, and one that ends is told once${windows ? ' (its stand-in is a shell script)' : ''}`,
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'nabla-bench-'))
    const program = join(folder, 'nvidia-smi')
    const write = (text: string) => {
      writeFileSync(program, `#!/bin/sh\n${text}\n`)
      chmodSync(program, 0o755)
    }
    write(`case $1 in *clocks_event*) exit 2 ;; esac; echo '${line}'; exec sleep 60`)
    const watch = new GpuWatch(program)
    await vi.waitFor(() => expect(watch.since()).toContain('SLOWED by power cap'))
    watch.close()
    write('exit 9')
    const broken = new GpuWatch(program)
    await vi.waitFor(() => expect(broken.since()).toBe('nvidia-smi ended with 9'))
    expect(broken.since()).toBeUndefined()
    rmSync(folder, { recursive: true })
  },
)
