/** The report of `--html`: one file with its script, its style and its data inside. */
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { build, type Rolldown } from 'vite'
import type { Results } from '../results.ts'

const folder = new URL('../report/', import.meta.url)

/** The script that draws a report, with the plotting library, as one classic script. */
async function script(): Promise<string> {
  const results = (await build({
    configFile: false,
    logLevel: 'silent',
    build: {
      write: false,
      target: 'es2024',
      minify: true,
      lib: { entry: fileURLToPath(new URL('main.ts', folder)), formats: ['iife'], name: 'report' },
    },
  })) as Rolldown.RolldownOutput[]
  return results[0]!.output[0].code
}

/** What is inside a script element ends at the first `</script`, whatever language it is in. */
const inScript = (text: string): string => text.replaceAll('</script', '<\\/script')

/** The page as text; it needs nothing from outside. */
export async function htmlReport(results: Results): Promise<string> {
  const style = await readFile(new URL('style.css', folder), 'utf8')
  // Every `<` is escaped: names and notes may hold anything.
  const data = JSON.stringify(results).replaceAll('<', '\\u003c')
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>nabla beside other libraries</title>
<style>
${style}</style>
</head>
<body>
<main></main>
<script type="application/json" id="results">${data}</script>
<script>${inScript(await script())}</script>
</body>
</html>
`
}
