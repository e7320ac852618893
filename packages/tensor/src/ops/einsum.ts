import { ArgumentError, ShapeError, showShape } from '../errors.ts'
import { matmul } from '../kernels/matmul.ts'
import type { Tensor } from '../tensor.ts'
import { diagonal } from './diagonal.ts'
import { expand, permute, reshape } from './movement.ts'
import { sum } from './reduce.ts'

/** A tensor with a name for each axis. */
interface Named {
  readonly t: Tensor
  readonly names: readonly string[]
}

/** The names of one term; those under an ellipsis are numbered from the right. */
function parse(equation: string, term: string, rank: number): string[] {
  const parts = /^([A-Za-z]*)(\.\.\.)?([A-Za-z]*)$/.exec(term)
  if (!parts) throw new ArgumentError(`einsum: "${term}" in "${equation}": letters and one "..."`)
  const [, before, dots, after] = parts
  const rest = rank - before!.length - after!.length
  if (rest < 0 || (rest > 0 && !dots))
    throw new ShapeError(`einsum: "${term}" in "${equation}" for a tensor with ${rank} axes`)
  const hidden = Array.from({ length: rest }, (_, i) => String(rest - 1 - i))
  return [...before!, ...hidden, ...after!]
}

/** Takes the diagonal of names that occur twice. */
function unrepeated({ t, names }: Named): Named {
  const second = names.findIndex((name, i) => names.indexOf(name) < i)
  if (second < 0) return { t, names }
  const first = names.indexOf(names[second]!)
  const rest = names.filter((_, i) => i !== first && i !== second)
  return unrepeated({ t: diagonal(t, 0, first, second), names: [...rest, names[second]!] })
}

/** Sums over the names that nobody asks for any more. */
function without({ t, names }: Named, wanted: (name: string) => boolean): Named {
  const axes = [...names.keys()].filter((i) => !wanted(names[i]!))
  return axes.length === 0 ? { t, names } : { t: sum(t, axes), names: names.filter(wanted) }
}

/** The product of two, summed over what both share and nobody else wants: a matrix product. */
function contract(a: Named, b: Named, wanted: (name: string) => boolean, sizes: Sizes): Named {
  const left = without(a, (name) => b.names.includes(name) || wanted(name))
  const right = without(b, (name) => a.names.includes(name) || wanted(name))
  const shared = left.names.filter((name) => right.names.includes(name))
  const [batch, inner] = [shared.filter(wanted), shared.filter((name) => !wanted(name))]
  const own = (x: Named): string[] => x.names.filter((name) => !shared.includes(name))
  const [rows, columns] = [own(left), own(right)]
  const extents = (names: readonly string[]): number[] => names.map((name) => sizes.get(name)!)
  const count = (names: readonly string[]): number =>
    extents(names).reduce((n, size) => n * size, 1)
  const matrix = (
    { t, names }: Named,
    order: readonly string[],
    shape: readonly number[],
  ): Tensor => {
    const moved = permute(
      t,
      order.map((name) => names.indexOf(name)),
    )
    return reshape(expand(moved, extents(order)), [...extents(batch), ...shape])
  }
  const x = matrix(left, [...batch, ...rows, ...inner], [count(rows), count(inner)])
  const y = matrix(right, [...batch, ...inner, ...columns], [count(inner), count(columns)])
  // A row or a number for each batch needs no matrix product.
  const product = inner.length === 0 ? x.mul(y) : matmul(x, y)
  const names = [...batch, ...rows, ...columns]
  return { t: reshape(product, extents(names)), names }
}

type Sizes = ReadonlyMap<string, number>

/** The size of each name; 1 repeats. */
function sizesOf(equation: string, terms: readonly Named[]): Sizes {
  const sizes = new Map<string, number>()
  for (const { t, names } of terms)
    names.forEach((name, axis) => {
      const [known, size] = [sizes.get(name) ?? 1, t.shape[axis]!]
      if (known !== 1 && size !== 1 && known !== size)
        throw new ShapeError(
          `einsum: "${equation}": sizes ${known} and ${size} for one name in ${showShape(t.shape)}`,
        )
      sizes.set(name, size === 1 ? known : size)
    })
  return sizes
}

/**
 * Sums of products in Einstein's notation: one letter for each axis, terms separated by commas.
 * Letters that are missing in the output are summed over; without `->` the output has those that
 * occur once, in alphabetical order. `...` stands for any axes, which broadcast; a letter twice in
 * a term takes the diagonal. Operands are joined from left to right by matrix products.
 *
 * @example
 * ```ts
 * einsum('bhqd,bhkd->bhqk', queries, keys)   // attention scores
 * einsum('ii', matrix)                       // the trace
 * ```
 */
export function einsum(equation: string, ...operands: readonly Tensor[]): Tensor {
  const [inputs, output, ...more] = equation.replaceAll(' ', '').split('->')
  const terms = inputs!.split(',')
  if (more.length > 0 || terms.length !== operands.length)
    throw new ArgumentError(
      `einsum: "${equation}" has ${terms.length} terms, and ${operands.length} tensors came`,
    )
  const named = operands.map((t, i): Named => ({ t, names: parse(equation, terms[i]!, t.rank) }))
  const sizes = sizesOf(equation, named)
  const all = named.flatMap(({ names }) => names)
  const hidden = [...sizes.keys()]
    .filter((name) => name < 'A')
    .sort((a, b) => Number(b) - Number(a))
  const once = all.filter((name) => name >= 'A' && all.indexOf(name) === all.lastIndexOf(name))
  const target =
    output === undefined
      ? [...hidden, ...once.sort()]
      : parse(
          equation,
          output,
          output.replace('...', '').length + (output.includes('.') ? hidden.length : 0),
        )
  if (target.some((name, i) => !sizes.has(name) || target.indexOf(name) < i))
    throw new ArgumentError(`einsum: "${equation}": the output names each axis of the inputs once`)

  const [first, ...rest] = named.map(unrepeated)
  const joined = rest.reduce((result, next, i) => {
    const later = new Set([...target, ...rest.slice(i + 1).flatMap(({ names }) => names)])
    return contract(result, next, (name) => later.has(name), sizes)
  }, first!)
  const { t, names } = without(joined, (name) => target.includes(name))
  return permute(
    t,
    target.map((name) => names.indexOf(name)),
  )
}
