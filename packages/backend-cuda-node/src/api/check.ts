/** The table against the headers: a C++ file that compiles only where they agree. */
import type { LibraryDeclaration } from './types.ts'

/** The symbols that a library has to have or may have, the alternatives included. */
export function symbolsOf(library: LibraryDeclaration): string[] {
  return Object.entries(library.functions).flatMap(([name, { alternatives = [] }]) => [
    name,
    ...alternatives,
  ])
}

/**
 * C++17 whose static assertions compare each declaration and constant with the library's header.
 * `g++ -fsyntax-only` on it, with the header's folder among the includes, is the check.
 * The table has the names of CUDA 13: headers of CUDA 12 lack those that have alternatives.
 */
export function headerCheck(library: LibraryDeclaration): string {
  const { header, status, functions, constants } = library
  const lines = [
    `#include <${header}>`,
    '#include <cstddef>',
    '#include <type_traits>',
    'static_assert(sizeof(void *) == 8, "64-bit addresses");',
  ]
  for (const [name, { takes, returns = status, undeclared }] of Object.entries(functions)) {
    if (undeclared) continue
    const type = `${returns} (*)(${takes.join(', ')})`
    // The cast chooses among overloads, which C++ has of some.
    lines.push(
      `static_assert(std::is_same<decltype(static_cast<${type}>(&${name})), ${type}>::value, "${name} is ${type}");`,
    )
  }
  for (const [name, value] of Object.entries(constants))
    lines.push(`static_assert(${name} == ${value}, "${name} is ${value}");`)
  return `${lines.join('\n')}\n`
}
