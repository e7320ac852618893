/** Mesa's lavapipe, a software GPU with f16, as the driver of a process. */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** What a process sets before it looks for a GPU, or why it cannot have this one. */
export type Lavapipe =
  | { readonly environment: Readonly<Record<string, string>>; readonly missing?: undefined }
  | { readonly missing: string }

const drivers = '/usr/share/vulkan/icd.d'
const layer = 'VK_LAYER_NABLA_lavapipe'

/** Finds the driver, and builds the layer that Dawn needs for it (`layer.cpp`) where that is not done yet. */
export function lavapipe(): Lavapipe {
  const driver = existsSync(drivers)
    ? readdirSync(drivers).find((name) => /^lvp_icd\b.*\.json$/.test(name))
    : undefined
  if (driver === undefined)
    return { missing: `no lavapipe in ${drivers}; it is in mesa-vulkan-drivers` }
  const compiler = process.env['CXX'] ?? 'g++'
  const version = spawnSync(compiler, ['--version'], { encoding: 'utf8' })
  if (version.error || version.status !== 0)
    return { missing: `its Vulkan layer is built by ${compiler}, which could not be run` }

  const source = join(import.meta.dirname, 'layer.cpp')
  const text = readFileSync(source, 'utf8')
  const hash = createHash('sha256').update(`${version.stdout}\0${text}`).digest('hex').slice(0, 16)
  const cache = join(tmpdir(), `nabla-lavapipe-${process.getuid?.() ?? 'user'}`)
  mkdirSync(cache, { recursive: true, mode: 0o700 })
  // What lies there is run: in a folder that all may write to, its name may be taken by someone else.
  if (process.getuid && statSync(cache).uid !== process.getuid())
    throw new Error(`lavapipe: ${cache} belongs to another user; remove it`)
  const folder = join(cache, hash)
  if (!existsSync(folder)) build(compiler, source, cache, folder)
  return {
    environment: {
      VK_ICD_FILENAMES: join(drivers, driver),
      VK_LAYER_PATH: folder,
      VK_INSTANCE_LAYERS: layer,
      // Vulkan asks for a folder of the user's.
      XDG_RUNTIME_DIR: process.env['XDG_RUNTIME_DIR'] ?? cache,
    },
  }
}

function build(compiler: string, source: string, cache: string, folder: string): void {
  const work = mkdtempSync(join(cache, 'build-'))
  const args = ['-std=c++17', '-O1', '-fPIC', '-shared', '-Wall', '-Werror', source]
  const library = 'libnabla-lavapipe.so'
  const { error, status, stderr } = spawnSync(compiler, [...args, '-o', join(work, library)], {
    encoding: 'utf8',
  })
  if (error || status !== 0)
    throw new Error(`lavapipe: ${compiler} ${source}\n${error?.message ?? stderr}`)
  const manifest = {
    file_format_version: '1.0.0',
    layer: {
      name: layer,
      type: 'GLOBAL',
      library_path: `./${library}`,
      api_version: '1.3.239',
      implementation_version: '1',
      description: 'Lets Dawn take lavapipe',
      functions: {
        vkGetInstanceProcAddr: 'nablaInstanceProcAddr',
        vkGetDeviceProcAddr: 'nablaDeviceProcAddr',
      },
    },
  }
  writeFileSync(join(work, 'layer.json'), JSON.stringify(manifest, undefined, 2))
  try {
    renameSync(work, folder)
  } catch (error) {
    // Another process was faster.
    rmSync(work, { recursive: true, force: true })
    if (!existsSync(folder)) throw error
  }
}
