/** Node and the machine. */
import { availableParallelism, cpus, totalmem } from 'node:os'
import type { Section } from '../section.ts'

export async function system(): Promise<Section> {
  const { platform, arch, versions } = process
  const model = cpus()[0]?.model.trim() || 'of an unknown kind'
  const facts = {
    node: versions.node,
    platform,
    arch,
    cpu: model,
    cores: availableParallelism(),
    memoryBytes: totalmem(),
  }
  return {
    title: 'System',
    lines: [
      { name: 'Node', text: `${facts.node} (${platform} ${arch})` },
      { name: 'processor', text: `${model}, ${facts.cores} at once` },
      { name: 'memory', text: `${(facts.memoryBytes / 2 ** 30).toFixed(1)} GiB` },
    ],
    facts,
  }
}
