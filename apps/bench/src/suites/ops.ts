import { add, rand, scope, setDevice, tensor } from '@nablajs/tensor'
import type { Contender } from '../measure.ts'
import { device, version } from '../ours.ts'
import type { Work } from '../suite.ts'

function matmul(size: number): Work {
  return {
    name: `matmul ${size}`,
    note: `[${size}, ${size}] x [${size}, ${size}], f32, one thread`,
    async contenders(peers) {
      setDevice(await device())
      const [a, b] = [rand([size, size]), rand([size, size])]
      const list: Contender[] = [
        {
          name: 'nabla cpu',
          version,
          run: () => a.matmul(b).dispose(),
          dispose() {
            a.dispose()
            b.dispose()
          },
        },
      ]
      if (peers.has('tfjs')) list.push(await (await import('../peers/tfjs.ts')).matmul(size))
      return list
    },
  }
}

const count = 1000

function additions(taped: boolean): Work {
  return {
    name: taped ? `${count} additions, recorded` : `${count} additions`,
    note: taped
      ? 'a chain of one-element additions on the tape, and the walk back'
      : 'a chain of one-element additions in a scope: what a call costs',
    async contenders(peers) {
      setDevice(await device())
      const a = tensor([1], { requiresGrad: taped })
      const b = tensor([2])
      const list: Contender[] = [
        {
          name: taped ? 'nabla cpu, with its backward' : 'nabla cpu',
          version,
          run() {
            scope(() => {
              let y = a
              for (let i = 0; i < count; i++) y = add(y, b)
              if (taped) y.backward()
            })
            a.grad?.dispose()
            a.grad = undefined
          },
        },
      ]
      if (peers.has('tfjs'))
        list.push(await (await import('../peers/tfjs.ts')).additions(count, taped))
      return list
    },
  }
}

export const ops: readonly Work[] = [matmul(256), matmul(512), additions(false), additions(true)]
