/**
 * The tape: which ops made a tensor, and the walk back.
 *
 * Every op with an input that has gradients records a {@link Node}: where its inputs came from, the
 * tensors its rule needs, and the rule. {@link runBackward} visits nodes from the youngest to the
 * oldest, hands each the gradient of its output, and drops what the node saved right after, so
 * memory falls while the walk goes on. Rules are written with tensor ops; recorded themselves
 * (`createGraph`) they give gradients of gradients.
 */
import { noAutocast } from './autocast.ts'
import { ArgumentError, GraphError, ShapeError, showShape } from './errors.ts'
import type { Layout } from './layout.ts'
import { sameShape } from './layout.ts'
import { disown, Scope, type Storage } from './memory.ts'
import { Tensor } from './tensor.ts'

/** From the gradient of the output to those of the inputs; `saved` is what `record` was given, in order. */
export type Rule = (
  g: Tensor,
  saved: readonly Tensor[],
  needs: readonly boolean[],
) => readonly (Tensor | undefined)[]

/** Where a gradient goes: on through a node, or to a leaf. */
export type Edge = Node | Tensor

/** A tensor as a node keeps it: its memory, without a handle that a scope could dispose. */
interface Saved extends Layout {
  readonly storage: Storage
  readonly version: number
  readonly edge: Edge | undefined
  /** The node's own output: its edge is the node, which must not hold itself. */
  readonly own: boolean
}

let recording = true
let created = 0

/** Whether ops are being recorded: true, but inside {@link noGrad}. */
export function isGradEnabled(): boolean {
  return recording
}

/**
 * Runs `body` without recording: for inference and for updates of parameters.
 *
 * @example
 * ```ts
 * const accuracy = noGrad(() => model.forward(x).argmax(-1).eq(y).cast('f32').mean())
 * ```
 */
export function noGrad<T>(body: () => T): T {
  return withGrad(false, body)
}

/** Runs `body` with recording on, also inside {@link noGrad}. */
export function enableGrad<T>(body: () => T): T {
  return withGrad(true, body)
}

function withGrad<T>(on: boolean, body: () => T): T {
  const before = recording
  recording = on
  try {
    return body()
  } finally {
    recording = before
  }
}

/** One recorded op. Tensors and younger nodes hold it; see {@link Node.release}. */
export class Node {
  readonly name: string
  /** Younger nodes have larger numbers, and a node is younger than all its inputs. */
  readonly order: number = created++
  readonly edges: readonly (Edge | undefined)[]
  readonly rule: Rule
  saved: readonly Saved[] = []
  /** Whether a walk has been here and dropped what was saved. */
  spent = false
  #holders = 1

  constructor(name: string, edges: readonly (Edge | undefined)[], rule: Rule) {
    this.name = name
    this.edges = edges
    this.rule = rule
    for (const edge of edges) if (edge instanceof Node) edge.retain()
  }

  save(tensors: readonly Tensor[], output: Tensor): void {
    this.saved = tensors.map((t) => {
      const own = t === output
      const edge = own ? undefined : t.edge
      if (edge instanceof Node) edge.retain()
      const { dtype, shape, strides, offset, storage } = t
      return {
        dtype,
        shape,
        strides,
        offset,
        storage: storage.retain(),
        version: storage.version,
        edge,
        own,
      }
    })
  }

  /** The saved tensors as handles of their own, in their places in the graph. */
  unpack(): Tensor[] {
    return this.saved.map((saved) => {
      if (saved.storage.version !== saved.version)
        throw new GraphError(
          `backward: a tensor ${showShape(saved.shape)} that ${this.name} saved was changed in place since; ` +
            'run backward before the update',
        )
      return Tensor.from(saved, saved.storage.retain(), saved.own ? this : saved.edge)
    })
  }

  forget(): void {
    for (const { storage, edge } of this.saved) {
      storage.release()
      if (edge instanceof Node) edge.release()
    }
    this.saved = []
  }

  retain(): void {
    this.#holders++
  }

  /** Lets the graph behind go when nobody can ask for it any more; a loop, because chains are long. */
  release(): void {
    const stack: Node[] = [this]
    for (let node = stack.pop(); node; node = stack.pop()) {
      if (--node.#holders > 0) continue
      for (const { storage, edge } of node.saved) {
        storage.release()
        if (edge instanceof Node) stack.push(edge)
      }
      node.saved = []
      for (const edge of node.edges) if (edge instanceof Node) stack.push(edge)
    }
  }
}

/** Whether an op on these inputs will be recorded. */
export function isTracked(inputs: readonly Tensor[]): boolean {
  return recording && inputs.some((t) => t.edge !== undefined)
}

/**
 * Records `output` as made from `inputs`, if any of those has gradients, and returns it. `saved` may
 * name inputs, constants and the output itself; a rule that names less keeps less memory alive.
 */
export function record(
  name: string,
  output: Tensor,
  inputs: readonly Tensor[],
  saved: readonly Tensor[],
  rule: Rule,
): Tensor {
  if (!isTracked(inputs)) return output
  const node = new Node(
    name,
    inputs.map((t) => t.edge),
    rule,
  )
  node.save(saved, output)
  output.edge = node
  return output
}

export interface BackwardOptions {
  /** Keep what the graph saved, for a second walk. Default: the value of `createGraph`. */
  retainGraph?: boolean
  /** Record the walk itself, for gradients of gradients. Default false. */
  createGraph?: boolean
}

/** All nodes from which `roots` were computed, youngest first. */
function collect(roots: readonly Edge[]): Node[] {
  const seen = new Set<Node>()
  const stack: Edge[] = [...roots]
  for (let edge = stack.pop(); edge; edge = stack.pop()) {
    if (!(edge instanceof Node) || seen.has(edge)) continue
    seen.add(edge)
    for (const next of edge.edges) if (next) stack.push(next)
  }
  return [...seen].sort((a, b) => b.order - a.order)
}

/** The nodes that lie between the roots and a target: the others need no gradient. */
function between(nodes: readonly Node[], targets: ReadonlySet<Edge>): Set<Edge> {
  const useful = new Set<Edge>(targets)
  for (let i = nodes.length - 1; i >= 0; i--) {
    const node = nodes[i]!
    if (node.edges.some((edge) => edge && useful.has(edge))) useful.add(node)
  }
  return useful
}

/** Takes a tensor out of the scope it was made in, or makes a second handle when it is somebody else's. */
function claim(t: Tensor, made: Scope): Tensor {
  return disown(t, made) ? t : t.alias()
}

/**
 * Walks back from `output`, whose gradient is `seed`. With `targets`, gradients are given only to
 * those edges, through `deliver`; without, to every leaf.
 */
export function runBackward(
  output: Tensor,
  seed: Tensor,
  options: BackwardOptions,
  deliver: (edge: Edge, gradient: Tensor) => void,
  targets?: ReadonlySet<Edge>,
): void {
  const { createGraph = false, retainGraph = createGraph } = options
  const nodes = collect(output.edge ? [output.edge] : [])
  const useful = targets && between(nodes, targets)
  const pending = new Map<Edge, Tensor>()

  function give(edge: Edge, gradient: Tensor, made: Scope): void {
    const before = pending.get(edge)
    if (!before) {
      pending.set(edge, claim(gradient, made))
      return
    }
    pending.set(edge, claim(before.add(gradient), made))
    before.dispose()
  }

  function visit(node: Node): void {
    const g = pending.get(node)
    if (!g) return
    pending.delete(node)
    if (targets?.has(node)) deliver(node, g.alias())
    if (node.spent)
      throw new GraphError(
        `backward: the graph behind ${node.name} was freed by an earlier backward; ` +
          'pass retainGraph: true to the first',
      )
    const made = new Scope()
    try {
      const needs = node.edges.map((edge) => edge !== undefined && (useful?.has(edge) ?? true))
      if (needs.includes(true)) {
        const gradients = noAutocast(() => node.rule(g, node.unpack(), needs))
        gradients.forEach((gradient, i) => {
          if (gradient && needs[i]) give(node.edges[i]!, gradient, made)
        })
      }
    } finally {
      made[Symbol.dispose]()
      g.dispose()
    }
    if (!retainGraph) {
      node.forget()
      node.spent = true
    }
  }

  withGrad(createGraph, () => {
    try {
      const { dtype, edge } = output
      if (edge) pending.set(edge, seed.dtype === dtype ? seed.alias() : seed.cast(dtype))
      for (const node of nodes) visit(node)
      for (const [edge, gradient] of pending) {
        pending.delete(edge)
        if (targets && !targets.has(edge)) gradient.dispose()
        else deliver(edge, gradient)
      }
    } finally {
      for (const gradient of pending.values()) gradient.dispose()
    }
  })
}

/** The gradient that a walk starts from: ones for a scalar, otherwise the caller's. */
export function seedFor(
  op: string,
  output: Tensor,
  gradient: Tensor | undefined,
  one: () => Tensor,
): Tensor {
  if (output.edge === undefined)
    throw new GraphError(
      `${op}: the tensor does not depend on anything with gradients; set requiresGrad on its inputs, ` +
        'and compute it outside of noGrad',
    )
  if (!gradient) {
    if (output.size !== 1)
      throw new ArgumentError(
        `${op}: the output is ${showShape(output.shape)}; only a single number has a gradient of its own: ` +
          'reduce it first (sum, mean), or pass the gradient of the output',
      )
    return one()
  }
  if (!sameShape(gradient.shape, output.shape))
    throw new ShapeError(
      `${op}: the gradient is ${showShape(gradient.shape)}, the output ${showShape(output.shape)}; they must be equal`,
    )
  return gradient
}
