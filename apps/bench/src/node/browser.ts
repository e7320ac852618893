/** `--browser`: the suites in a page, driven where there is a Chromium. */
import { existsSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { createServer } from 'vite'
import { type Results, rowsOf } from '../results.ts'
import { showBars } from '../text.ts'
import { htmlReport } from './html.ts'
import type { Options } from './options.ts'

/** The browser that CHROMIUM_PATH names, or the system's. */
function chromium(): string | undefined {
  const paths = [process.env['CHROMIUM_PATH'], '/usr/bin/chromium', '/usr/bin/google-chrome']
  return paths.find((path) => path !== undefined && existsSync(path))
}

/** Serves the page; runs it in a headless Chromium and reports, or prints where to open it. */
export async function runInBrowser(options: Options): Promise<void> {
  const { suites, backends, peers, rounds, turn, fastest, small } = options
  const root = fileURLToPath(new URL('../..', import.meta.url))
  const server = await createServer({ root, logLevel: 'error' })
  await server.listen()
  const url = new URL(server.resolvedUrls!.local[0]!)
  url.search = new URLSearchParams({
    suites: suites.join(','),
    backend: backends.join(','),
    peers: peers.join(','),
    rounds: String(rounds),
    turn: String(turn),
    ...(fastest ? { fastest: '' } : {}),
    ...(small === undefined ? {} : { small: String(small) }),
  }).toString()
  const executablePath = chromium()
  if (!executablePath) {
    console.log(`No Chromium was found; CHROMIUM_PATH may name one. Open ${url.href}`)
    return
  }
  const results = await drive(executablePath, `${url.href}&start`)
  await server.close()
  console.log(showBars(results.bars))
  if (options.json)
    writeFileSync(options.json, `${JSON.stringify(rowsOf(results), undefined, 2)}\n`)
  if (options.html) writeFileSync(options.html, await htmlReport(results))
}

/** Opens the page, prints what it says, and waits for its results. */
async function drive(executablePath: string, url: string): Promise<Results> {
  const { chromium: launcher } = await import('playwright')
  const browser = await launcher.launch({
    executablePath,
    args: ['--no-sandbox', '--enable-unsafe-webgpu'],
  })
  try {
    const page = await browser.newPage()
    page.on('console', (message) => console.log(message.text()))
    const failed = new Promise<never>((_, reject) => {
      page.on('pageerror', reject)
      page.on('response', (response) => {
        if (response.status() >= 500) reject(new Error(`the page got no ${response.url()}`))
      })
    })
    const found = async (): Promise<Results> => {
      await page.goto(url)
      const done = await page.waitForFunction(() => window.benchResults, undefined, { timeout: 0 })
      return (await done.jsonValue()) as Results
    }
    return await Promise.race([found(), failed])
  } finally {
    await browser.close()
  }
}
