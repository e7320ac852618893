// What `npm run new:optimizer NAME` does: writes the files of a new optimizer of packages/optim and the
// lines that name it. It starts as gradient descent, so everything runs at once; the tests that fail ask for
// what is left to write: the paper's update in the row, the words, and the line in the README.
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const optim = join(root, 'packages', 'optim')

const [name, ...more] = process.argv.slice(2)
if (!name || more.length > 0) refuse('usage: npm run new:optimizer NAME, for example AdaFoo')
if (!/^[A-Z][A-Za-z0-9]*$/.test(name))
  refuse(`${name} is no name of a class: letters and digits, the first one a capital, as AdaFoo`)

const low = name.toLowerCase()
const link = `scaleBy${name}`
const files = {
  link: join(optim, 'src', 'transforms', `scale-by-${low}.ts`),
  optimizer: join(optim, 'src', 'optimizers', `${low}.ts`),
  changeset: join(root, '.changeset', `optim-${low}.md`),
}
const index = join(optim, 'src', 'index.ts')
const links = join(optim, 'src', 'transforms', 'index.ts')
const rows = join(optim, 'test', 'rows.ts')

for (const file of Object.values(files))
  if (existsSync(file)) refuse(`${relative(root, file)} is there already; take another name`)
const taken = [
  index,
  links,
  ...readdirSync(dirname(files.link)).map((f) => join(files.link, '..', f)),
]
  .flatMap((file) => [...readFileSync(file, 'utf8').matchAll(/\b\w+\b/g)])
  .find(([word]) => [low, link.toLowerCase()].includes(word.toLowerCase()))
if (taken) refuse(`${taken[0]} is a name of the package already; take another one`)

// scale-by-adamax.ts shows the other members: ranges, slots, numbers, flags, sums.
writeFileSync(
  files.link,
  `import { type Transform, transform } from '../transform.ts'

/** \`u ← u\` */
export const ${link}: Transform<object> = transform({
  name: '${link}',
  defaults: {},
  update: (u) => ({ u }),
})
`,
)

writeFileSync(
  files.optimizer,
  `import { Chain, chain, type Recipe } from '../chain.ts'
import type { ParametersInput } from '../optimizer.ts'
import {
  type AddDecayedWeightsOptions,
  addDecayedWeights,
} from '../transforms/add-decayed-weights.ts'
import { type ClimbOptions, climb } from '../transforms/climb.ts'
import {
  type LearningRateOptions,
  scaleByLearningRate,
} from '../transforms/scale-by-learning-rate.ts'
import { ${link} } from '../transforms/scale-by-${low}.ts'

/** γ \`lr\` 1e-3, λ \`weightDecay\` 0. */
export interface ${name}Options
  extends ClimbOptions,
    AddDecayedWeightsOptions,
    LearningRateOptions {}

const ${low}: Recipe<${name}Options> = chain('${name}', [
  climb,
  ${link},
  addDecayedWeights,
  scaleByLearningRate,
])

/**
 * ${name}: what is particular about it, in one or two sentences.
 *
 * \`\`\`text
 * p ← p - γ(g + λp)
 * \`\`\`
 *
 * with γ = \`lr\`, λ = \`weightDecay\`.
 *
 * @example
 * \`\`\`ts
 * const optimizer = new ${name}(model.parameters(), { lr: 1e-3 })
 * \`\`\`
 *
 * Source: who, "title", arXiv number.
 */
export class ${name} extends Chain<${name}Options> {
  constructor(params: ParametersInput<${name}Options>, options: Partial<${name}Options> = {}) {
    super(params, ${low}, options)
  }
}
`,
)

writeFileSync(
  files.changeset,
  `---
"@nablajs/optim": minor
---

\`${name}\`: what it is good for, in one sentence.
`,
)

edit(index, (text) =>
  text.replace(
    /^export .* from '\.\/optimizers\//m,
    `export { ${name}, type ${name}Options } from './optimizers/${low}.ts'\n$&`,
  ),
)
edit(links, (text) => `export * from './scale-by-${low}.ts'\n${text}`)
edit(rows, (text) =>
  text.replace(/(?=\n\} from '\.\.\/src\/index\.ts')/, `\n  ${name},`).replace(
    /\n\]\n$/,
    `
  row(${name}, { lr: 0.1 }, () => {
    throw new Error('write the update of ${name} here, from its paper and on plain numbers')
  }),
]
`,
  ),
)

// Sorts the lines that were put in.
const changed = [files.link, files.optimizer, index, links, rows]
const biome = join(root, 'node_modules', '@biomejs', 'biome', 'bin', 'biome')
execFileSync(process.execPath, [biome, 'check', '--write', ...changed], {
  cwd: root,
  stdio: 'pipe',
})

const written = [files.changeset, ...changed].map((file) => relative(root, file))
console.log(`${name} runs, as gradient descent so far. Written or changed:

${written.map((file) => `  ${file}`).join('\n')}

Next: the link, the class with its doc block, the row, the changeset, and a line in the table of
packages/optim/README.md. Then npm run format, and npx pnpm@12 --filter @nablajs/optim test.`)

function refuse(message) {
  console.error(`new:optimizer: ${message}`)
  process.exit(1)
}

function edit(file, change) {
  const before = readFileSync(file, 'utf8')
  const after = change(before)
  if (after === before) refuse(`${relative(root, file)} looks different from what was expected`)
  writeFileSync(file, after)
}
