// Uses the packages as their users do: packs them, installs the tarballs into an empty folder with
// npm, runs the README's example there in Node, and bundles it with Vite into a page that trains in
// a browser, once as an ordinary page and once cross-origin isolated (shared memory, two threads): the
// losses must be the same. A third page trains on WebGPU. In Node the devices that a machine may lack
// open, or say what they need.
// Run by pnpm, after a build. The browser part needs a chromium (CHROMIUM_PATH) and is skipped
// visibly without one.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const root = join(import.meta.dirname, '..')
const published = [
  'tensor',
  'backend-cpu',
  'backend-webgpu',
  'backend-cuda-node',
  'nn',
  'optim',
  'data',
]
const folder = mkdtempSync(join(tmpdir(), 'nabla-use-'))
const chromium = process.env.CHROMIUM_PATH ?? '/usr/bin/chromium'

function run(title, command, args, cwd) {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  })
  if (status !== 0) {
    console.error(`${title} failed:\n${stdout ?? ''}${stderr ?? ''}${error?.message ?? ''}`)
    process.exit(1)
  }
  return stdout
}

/** The first TypeScript block of the README; it has no types, so it is JavaScript too. */
function example() {
  const block = /```ts\n([\s\S]*?)```/.exec(readFileSync(join(root, 'README.md'), 'utf8'))
  if (!block) throw new Error('README.md has no ts block')
  return block[1]
}

/** The losses in what the example prints must come down. */
function checkLosses(title, text) {
  const losses = [...text.matchAll(/loss ([\d.]+)/g)].map((match) => Number(match[1]))
  if (losses.length < 2 || !(losses.at(-1) < losses[0] / 2)) {
    console.error(`${title}: the losses do not come down: ${text}`)
    process.exit(1)
  }
  console.log(`${title}: loss ${losses[0]} -> ${losses.at(-1)}`)
}

/** A tool that some package of the workspace depends on. */
async function load(workspace, name) {
  const require = createRequire(join(root, workspace, 'package.json'))
  return import(pathToFileURL(require.resolve(name)))
}

try {
  for (const name of published)
    run(
      `pnpm pack ${name}`,
      'pnpm',
      ['pack', '--pack-destination', folder],
      join(root, 'packages', name),
    )
  const tarballs = readdirSync(folder).filter((name) => name.endsWith('.tgz'))
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }')
  const files = tarballs.map((name) => `./${name}`)
  run('npm install', 'npm', ['install', '--no-audit', '--no-fund', ...files], folder)

  writeFileSync(join(folder, 'train.mjs'), example())
  checkLosses(
    `node ${process.version}`,
    run('the example', process.execPath, ['train.mjs'], folder),
  )

  writeFileSync(
    join(folder, 'devices.mjs'),
    `import { cuda } from '@nablajs/backend-cuda-node'
import { webgpu } from '@nablajs/backend-webgpu'
for (const open of [webgpu, cuda])
  try {
    const device = await open()
    console.log(device.name + ': opened')
    device.dispose()
  } catch (error) {
    if (error.name !== 'DeviceError') throw error
    console.log(error.message.split('\\n')[0])
  }`,
  )
  process.stdout.write(run('opening devices', process.execPath, ['devices.mjs'], folder))

  writeFileSync(
    join(folder, 'page.mjs'),
    `const lines = []
console.log = (line) => { lines.push(line); document.body.textContent = lines.join('\\n') }
window.addEventListener('unhandledrejection', (event) => { document.title = 'failed: ' + event.reason })
if (location.search === '?webgpu') await import('./train-webgpu.mjs')
else await import('./train-page.mjs')
const { getDevice } = await import('@nablajs/tensor')
document.title = 'done on ' + getDevice().name + ', isolated: ' + crossOriginIsolated + ', threads: ' + getDevice().threads`,
  )
  writeFileSync(
    join(folder, 'train-page.mjs'),
    example().replace('cpu()', 'cpu({ threads: crossOriginIsolated ? 2 : 1 })'),
  )
  writeFileSync(
    join(folder, 'train-webgpu.mjs'),
    example()
      .replace('cpu()', 'webgpu()')
      .replace(/import .*backend-cpu'/, "import { webgpu } from '@nablajs/backend-webgpu'"),
  )
  writeFileSync(
    join(folder, 'index.html'),
    '<!doctype html><title>training</title><body></body><script type="module" src="/page.mjs"></script>',
  )
  const vite = await load('packages/tensor', 'vite')
  const shared = { root: folder, configFile: false, logLevel: 'error' }
  await vite.build({ ...shared, build: { target: 'esnext', outDir: 'site' } })
  const bytes = readdirSync(join(folder, 'site', 'assets')).map(
    (name) => readFileSync(join(folder, 'site', 'assets', name)).length,
  )
  console.log(`vite: a bundle of ${(bytes.reduce((a, b) => a + b) / 1000).toFixed(0)} kB, minified`)

  if (existsSync(chromium)) {
    const { default: playwright } = await load('packages/testing', 'playwright')
    const browser = await playwright.chromium.launch({
      executablePath: chromium,
      args: ['--no-sandbox', '--enable-unsafe-webgpu'],
    })
    const losses = new Set()
    for (const isolated of [false, true]) {
      const headers = isolated
        ? {
            'Cross-Origin-Opener-Policy': 'same-origin',
            'Cross-Origin-Embedder-Policy': 'require-corp',
          }
        : {}
      const server = await vite.preview({
        ...shared,
        build: { outDir: 'site' },
        preview: { headers, host: '127.0.0.1', port: 0 },
      })
      const page = await browser.newPage()
      await page.goto(server.resolvedUrls.local[0])
      await page.waitForFunction(() => document.title !== 'training', undefined, {
        timeout: 120_000,
      })
      const title = await page.title()
      if (title !== `done on cpu, isolated: ${isolated}, threads: ${isolated ? 2 : 1}`) {
        console.error(`chromium: ${title}`)
        process.exit(1)
      }
      const text = await page.textContent('body')
      checkLosses(`chromium, ${title}`, text)
      losses.add(text)
      if (!isolated) {
        await page.goto(`${server.resolvedUrls.local[0]}?webgpu`)
        await page.waitForFunction(() => document.title !== 'training', undefined, {
          timeout: 300_000,
        })
        checkLosses(`chromium, ${await page.title()}`, await page.textContent('body'))
      }
      await page.close()
      await server.close()
    }
    await browser.close()
    if (losses.size > 1) {
      console.error(`chromium: one and two threads differ:\n${[...losses].join('\n\n')}`)
      process.exit(1)
    }
  } else console.log(`chromium: SKIPPED, there is none at ${chromium}`)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
