// The packages that carry Node state `os` and `cpu` as plain strings. pnpm reads only
// arrays, and without them it would download every platform's binary.
const nodeBinary = /^node-(bin-)?(linux|darwin|win)-/

module.exports = {
  hooks: {
    readPackage(manifest) {
      if (nodeBinary.test(manifest.name)) {
        for (const field of ['os', 'cpu']) {
          if (typeof manifest[field] === 'string') manifest[field] = [manifest[field]]
        }
      }
      return manifest
    },
  },
}
