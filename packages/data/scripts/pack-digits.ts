// Makes src/digits/asset.ts from the digits as scikit-learn ships them:
//
//   node scripts/pack-digits.ts path/to/digits.csv.gz
//
// The csv has one digit in each line: 64 pixels in 0 .. 16, row by row, then the label.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { cut, eachBit, settled, unpack, VALUES_PER_DIGIT } from '../src/digits/codec.ts'

const [source] = process.argv.slice(2)
if (!source) {
  console.error('usage: node scripts/pack-digits.ts path/to/digits.csv.gz')
  process.exit(2)
}

const lines = gunzipSync(readFileSync(source)).toString('utf8').trim().split('\n')
const values = Uint8Array.from(lines.flatMap((line) => line.split(',').map(Number)))
if (lines.length !== 1797 || values.length !== lines.length * VALUES_PER_DIGIT)
  throw new Error(`${source}: ${lines.length} lines and ${values.length} values are not the digits`)

/** The inverse of `unpack`: the same cuts of the same interval. */
function pack(all: Uint8Array): Uint8Array {
  const bytes: number[] = []
  let [low, high] = [0, 0xffffffff]
  eachBit(all.slice(), (chance, bit) => {
    const middle = cut(low, high, chance)
    if (bit) high = middle
    else low = middle + 1
    while (settled(low, high)) {
      bytes.push(high >>> 24)
      low = (low << 8) >>> 0
      high = ((high << 8) | 255) >>> 0
    }
    return bit
  })
  // Any number in the last interval does; its first byte and zeros would lie below `low`.
  for (const shift of [24, 16, 8, 0]) bytes.push((high >>> shift) & 255)
  return Uint8Array.from(bytes)
}

const packed = pack(values)
if (Buffer.compare(unpack(packed, values.length), values) !== 0)
  throw new Error('unpacking does not give back what was packed')

const text = Buffer.from(packed).toString('base64')
const file = join(import.meta.dirname, '..', 'src', 'digits', 'asset.ts')
writeFileSync(
  file,
  `// Made by scripts/pack-digits.ts; see codec.ts for the packing and digits.ts for the source.
/** 1797 digits of 64 pixels and a label, packed, in base64. */
export const packed: string =
  '${text}'
`,
)
console.log(`${file}: ${values.length} values in ${text.length} characters`)
