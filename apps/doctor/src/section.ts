/** What a part of the doctor's report is made of. */

export interface Line {
  readonly name: string
  /** What was found, or what is missing. */
  readonly text: string
  /** More about it, each on a line of its own. */
  readonly more?: readonly string[]
}

export interface Section {
  readonly title: string
  readonly lines: readonly Line[]
  /** The same for programs. */
  readonly facts: Readonly<Record<string, unknown>>
}

/** Looks at one part of the machine. It does not throw for what is missing: that is a line. */
export type Inspect = () => Promise<Section>

const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error)

/** The message of an error without the part that the line says already. */
export function reason(error: unknown, prefix: string): string {
  const message = messageOf(error)
  return message.startsWith(`${prefix}: `) ? message.slice(prefix.length + 2) : message
}

/** All sections as aligned text, wrapped to `width` columns. */
export function render(sections: readonly Section[], width: number): string {
  const names = sections.flatMap(({ lines }) => lines.map(({ name }) => name.length))
  const column = Math.max(0, ...names) + 4
  const room = Math.max(30, width - column)
  const block = ({ title, lines }: Section) => [
    title,
    ...lines.flatMap(({ name, text, more = [] }) =>
      [text, ...more]
        .flatMap((own) => wrap(own, room))
        .map((own, i) => `  ${(i === 0 ? name : '').padEnd(column - 2)}${own}`),
    ),
  ]
  return `${sections.map((section) => block(section).join('\n')).join('\n\n')}\n`
}

/** Breaks at spaces; a word that is longer than a line, such as a path, stays whole. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  for (const word of text.split(/\s+/)) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 1 + word.length <= width)
      lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines
}
