/** CUDA C for `map`: a program at every index. */

import type { Program } from '@nablajs/tensor/backend'
import { type StepKind, step } from '@nablajs/tensor/backend'
import { quotientFunction } from './divide.ts'
import { elementFunction, identifier, outputsOf, scalarParameters } from './element.ts'
import { decompose, extentParameters, vectorType } from './layout.ts'
import { typeOf } from './primitives.ts'

/** Threads of a block. */
export const blockThreads = 256

export interface MapKernel {
  readonly program: Program
  readonly counters: readonly string[]
  /** What the inputs, then the outputs do along the last loop. */
  readonly kinds: readonly StepKind[]
  /** 0 for operands that are dense or repeat one element, with `position` as the only counter. */
  readonly loops: number
  /** Elements that a thread takes at a time: as {@link widthOf} tells. */
  readonly width: number
  /** How many times; 1 but for dense operands in vectors. */
  readonly times: number
  /** Whether offsets need 64 bits. */
  readonly large: boolean
}

/** The source and the name of its kernel. */
export function mapSource(kernel: MapKernel): { readonly source: string; readonly entry: string } {
  const { program, counters, kinds, loops, width, times, large } = kernel
  const outputs = outputsOf(program)
  const dtypes = [...program.inputs, ...outputs]
  const number = large ? 'unsigned long long' : 'unsigned int'
  const offset = large ? 'long long' : 'int'
  const entry = `map_${identifier(program.name)}`
  const inputs = program.inputs.length
  const vector = (o: number): boolean => width > 1 && kinds[o] === step.unit

  const parameters = [
    ...dtypes.map((dtype, o) => `${o < inputs ? 'const ' : ''}${typeOf[dtype]} *p${o}`),
    `${number} count`,
  ]
  if (loops > 0) {
    parameters.push(...extentParameters('n', loops, large))
    for (let o = 0; o < dtypes.length + counters.length; o++)
      for (let loop = 0; loop < loops; loop++) parameters.push(`${offset} t${o}_${loop}`)
  }
  parameters.push(...scalarParameters(program))

  // A number of the whole space, and where each operand's first element of the thread lies.
  const body: string[] = [
    `const ${number} thread = (${number})blockIdx.x * ${blockThreads * times}u + threadIdx.x;`,
  ]
  if (loops === 0) {
    body.push(`const ${number} first = thread * ${width}u;`, 'if (first >= count) return;')
    kinds.forEach((kind, o) => {
      body.push(`const ${number} at${o} = ${kind === step.fixed ? '0' : 'first'};`)
    })
    counters.forEach((_, c) => {
      body.push(`const unsigned int from${c} = (unsigned int)first;`)
    })
  } else {
    body.push('if (thread >= count) return;')
    body.push(...decompose('thread', 'k', 'n', loops, large))
    const place = (o: number): string =>
      Array.from({ length: loops }, (_, loop) => {
        const scale = loop === loops - 1 && width > 1 ? ` * ${width}` : ''
        return `(${offset})k${loop}${scale} * t${o}_${loop}`
      }).join(' + ')
    dtypes.forEach((_, o) => {
      body.push(`const ${offset} at${o} = ${place(o)};`)
    })
    counters.forEach((_, c) => {
      body.push(`const unsigned int from${c} = (unsigned int)(${place(dtypes.length + c)});`)
    })
  }
  const jump = (o: number): string => (loops === 0 ? '1' : `t${o}_${loops - 1}`)

  // One element: its operands by `j`, the number within the thread.
  const counterAt = (c: number, j: string): string =>
    j === '' ? `from${c}` : `from${c} + ${j}u * (unsigned int)${jump(dtypes.length + c)}`
  const call = (j: string, read: (o: number) => string, write: (o: number) => string): string =>
    `element(${[
      ...program.inputs.map((_, i) => read(i)),
      ...program.scalars.map((_, i) => `s${i}`),
      ...counters.map((_, c) => counterAt(c, j)),
      ...outputs.map((_, i) => write(inputs + i)),
    ].join(', ')});`

  if (width === 1) {
    outputs.forEach((dtype, i) => {
      body.push(`${typeOf[dtype]} y${i};`)
    })
    body.push(
      call(
        '',
        (o) => `p${o}[at${o}]`,
        (o) => `y${o - inputs}`,
      ),
    )
    outputs.forEach((_, i) => {
      body.push(`p${inputs + i}[at${inputs + i}] = y${i};`)
    })
  } else body.push(...vectorBody())

  function vectorBody(): string[] {
    const lines: string[] = []
    // A block's threads take neighbouring vectors each time.
    const shift = (u: number): string => (u === 0 ? '' : ` + ${u * width * blockThreads}`)
    const turns = Array.from({ length: times }, (_, u) => u)
    // Every operand is read before any is written: they may be the same memory.
    for (const u of turns)
      dtypes.forEach((dtype, o) => {
        lines.push(`vector_${dtype} v${o}_${u};`)
        if (o >= inputs) return
        if (vector(o))
          lines.push(`v${o}_${u} = *(const vector_${dtype} *)(p${o} + at${o}${shift(u)});`)
        else
          for (let j = 0; j < width; j++) {
            const moved = kinds[o] === step.fixed ? '' : ` + ${j} * ${jump(o)}`
            lines.push(`v${o}_${u}.e[${j}] = p${o}[at${o}${moved}];`)
          }
      })
    for (const u of turns)
      for (let j = 0; j < width; j++)
        lines.push(
          call(
            String(j + u * width * blockThreads),
            (o) => `v${o}_${u}.e[${j}]`,
            (o) => `v${o}_${u}.e[${j}]`,
          ),
        )
    for (const u of turns)
      for (let o = inputs; o < dtypes.length; o++)
        if (vector(o))
          lines.push(`*(vector_${dtypes[o]} *)(p${o} + at${o}${shift(u)}) = v${o}_${u};`)
        else
          for (let j = 0; j < width; j++)
            lines.push(`p${o}[at${o} + ${j} * ${jump(o)}] = v${o}_${u}.e[${j}];`)
    if (loops > 0) return lines
    // The last threads of a dense map may have fewer elements, one by one.
    const apart = width * blockThreads
    const single = [
      `for (${number} from = first; from < count; from += ${apart}u)`,
      `  for (${number} i = from; i < count && i < from + ${width}u; i++) {`,
      ...outputs.map((dtype, i) => `    ${typeOf[dtype]} y${i};`),
      `    ${call(
        '',
        (o) => `p${o}[${kinds[o] === step.fixed ? '0' : 'i'}]`,
        (o) => `y${o - inputs}`,
      ).replaceAll(/\bfrom0\b/g, '(unsigned int)i')}`,
      ...outputs.map((_, i) => `    p${inputs + i}[i] = y${i};`),
      '  }',
    ]
    return [
      `if (first + ${(times - 1) * apart + width}u <= count) {`,
      ...lines.map((line) => `  ${line}`),
      '} else {',
      ...single.map((line) => `  ${line}`),
      '}',
    ]
  }

  const source = [
    ...(width > 1 ? [...new Set(dtypes)].map((dtype) => vectorType(dtype, width)) : []),
    ...(loops > 1 && !large ? [quotientFunction] : []),
    elementFunction('element', program, counters, new Set()),
    `extern "C" __global__ void ${entry}(${parameters.join(', ')}) {`,
    ...body.map((line) => `  ${line}`),
    '}',
    '',
  ].join('\n')
  return { source, entry }
}
