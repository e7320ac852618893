/** The checksum of zip archives: CRC-32 with the polynomial 0xEDB88320 (ISO 3309, RFC 1952). */

/** `tables[k][b]`: the effect of byte `b` when `k` more bytes follow in the same step of eight. */
let tables: Uint32Array[] | undefined

function makeTables(): Uint32Array[] {
  const first = new Uint32Array(256).map((_, byte) => {
    for (let bit = 0; bit < 8; bit++) byte = byte & 1 ? (byte >>> 1) ^ 0xedb88320 : byte >>> 1
    return byte
  })
  const made = [first]
  for (let k = 1; k < 8; k++)
    made.push(made[k - 1]!.map((value) => (value >>> 8) ^ first[value & 255]!))
  return made
}

/** The CRC-32 of `bytes`, as an unsigned number. */
export function crc32(bytes: Uint8Array): number {
  tables ??= makeTables()
  const [t0, t1, t2, t3, t4, t5, t6, t7] = tables as [Uint32Array, ...Uint32Array[]]
  let crc = 0xffffffff
  let i = 0
  // Eight bytes a step: files of hundreds of megabytes are checked on the way in.
  for (const end = bytes.length - 7; i < end; i += 8)
    crc =
      t7![(crc ^ bytes[i]!) & 255]! ^
      t6![((crc >>> 8) ^ bytes[i + 1]!) & 255]! ^
      t5![((crc >>> 16) ^ bytes[i + 2]!) & 255]! ^
      t4![((crc >>> 24) ^ bytes[i + 3]!) & 255]! ^
      t3![bytes[i + 4]!]! ^
      t2![bytes[i + 5]!]! ^
      t1![bytes[i + 6]!]! ^
      t0[bytes[i + 7]!]!
  for (; i < bytes.length; i++) crc = (crc >>> 8) ^ t0[(crc ^ bytes[i]!) & 255]!
  return ~crc >>> 0
}
