/**
 * What can go wrong, by kind. Every message starts with the op, shows what came and says what would
 * do, for example `matmul: [32, 10] x [12, 4]: inner sizes 10 and 12 differ`.
 */
export class NablaError extends Error {
  override name = 'NablaError'
}

/** Shapes that do not fit together, or an axis that is not there. */
export class ShapeError extends NablaError {
  override name = 'ShapeError'
}

/** A dtype that the op or the device does not take. */
export class DTypeError extends NablaError {
  override name = 'DTypeError'
}

/** No device set, tensors of two devices in one op, or a device that is lost or disposed. */
export class DeviceError extends NablaError {
  override name = 'DeviceError'
}

/** An option or argument outside its range, or one that nobody knows. */
export class ArgumentError extends NablaError {
  override name = 'ArgumentError'
}

/** A use of gradients or lifetimes that cannot work: a second backward, a disposed tensor. */
export class GraphError extends NablaError {
  override name = 'GraphError'
}

/** A file that is not what its format promises. */
export class FormatError extends NablaError {
  override name = 'FormatError'
}

/** `[2, 3]` */
export function showShape(shape: readonly number[]): string {
  return `[${shape.join(', ')}]`
}
