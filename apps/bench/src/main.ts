/**
 * `npm run bench [-- SUITE...] [--peers tfjs] [--rounds N] [--turn MS] [--json FILE]`
 *
 * Measures our packages beside other libraries, in one run and interleaved, and prints ratios.
 */
import { writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { measure } from './measure.ts'
import { peers as knownPeers, type Peer, type Work } from './suite.ts'
import { conv2dWorks } from './suites/conv2d.ts'
import { ops } from './suites/ops.ts'
import { train } from './suites/train.ts'

const suites: Readonly<Record<string, readonly Work[]>> = {
  ops,
  conv2d: conv2dWorks,
  train,
}

const help = `Measures nabla beside other libraries, interleaved in one run.

npm run bench [-- SUITE... OPTIONS]

suites       ${Object.keys(suites).join(', ')} (all of them when none is named)
--peers LIST other libraries, by commas: ${knownPeers.join(', ')} (all); "none" for none
--rounds N   turns for each contender (5)
--turn MS    length of a turn in milliseconds (200)
--json FILE  also write one row for each comparison
--help       this text`

function fail(message: string): never {
  console.error(`bench: ${message}`)
  process.exit(2)
}

function options() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        peers: { type: 'string', default: knownPeers.join(',') },
        rounds: { type: 'string', default: '5' },
        turn: { type: 'string', default: '200' },
        json: { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    })
  } catch (error) {
    return fail(`${(error as Error).message.split('. ')[0]}; --help lists the options`)
  }
}

function count(name: string, text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1)
    fail(`--${name} is ${text}; it must be a whole number >= 1`)
  return value
}

const { values, positionals } = options()
if (values.help) {
  console.log(help)
  process.exit(0)
}
for (const name of positionals)
  if (!Object.hasOwn(suites, name))
    fail(`there is no suite "${name}"; known are ${Object.keys(suites).join(', ')}`)
const wanted = values.peers === 'none' ? [] : values.peers.split(',')
for (const name of wanted)
  if (!knownPeers.includes(name as Peer))
    fail(`there is no peer "${name}"; known are ${knownPeers.join(', ')}`)
const peers = new Set(wanted as Peer[])
const timing = { rounds: count('rounds', values.rounds), turn: count('turn', values.turn) }

const machine = `${cpus()[0]?.model ?? 'unknown CPU'}, ${cpus().length} cores, Node ${process.version}`
console.log(
  `${machine}\nmedians over ${timing.rounds} interleaved rounds; ratio = the peer's time over ours\n`,
)
const rows: object[] = []
for (const name of positionals.length > 0 ? positionals : Object.keys(suites))
  for (const work of suites[name]!) {
    const contenders = await work.contenders(peers)
    const [subject, ...others] = await measure(contenders, timing)
    for (const { dispose } of contenders) dispose?.()
    console.log(`${work.name} (${work.note})`)
    console.log(`  ${subject!.ms.toFixed(3).padStart(10)} ms  ${subject!.name} ${subject!.version}`)
    for (const peer of others) {
      const ratio = `ratio ${peer.ratio.toFixed(peer.ratio < 10 ? 2 : 0)}`
      console.log(`  ${peer.ms.toFixed(3).padStart(10)} ms  ${peer.name} ${peer.version}, ${ratio}`)
      rows.push({
        work: work.name,
        subject: subject!.name,
        peer: peer.name,
        ms: subject!.ms,
        peerMs: peer.ms,
        ratio: peer.ratio,
        versions: { [subject!.name]: subject!.version, [peer.name]: peer.version },
        machine,
      })
    }
  }
if (values.json) writeFileSync(values.json, `${JSON.stringify(rows, undefined, 2)}\n`)
