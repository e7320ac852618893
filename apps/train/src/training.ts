/** Everything that a run consists of, made from its recipe. */
import { DataLoader, type DataLoaderState, type ImageDataset } from '@nablajs/data'
import type { Sequential, StateDict } from '@nablajs/nn'
import {
  Adam,
  AdamW,
  GradScaler,
  type GradScalerState,
  LambdaLR,
  type OptimizerState,
  type ScheduleState,
  SGD,
} from '@nablajs/optim'
import { type Generator, type GeneratorState, manualSeed } from '@nablajs/tensor'
import { type Data, loadData } from './data.ts'
import { buildModel } from './model.ts'
import type { OptimizerName, Recipe } from './options.ts'

const optimizers = {
  sgd: (model: Sequential, lr: number) => new SGD(model.namedParameters(), { lr, momentum: 0.9 }),
  adam: (model: Sequential, lr: number) => new Adam(model.namedParameters(), { lr }),
  adamw: (model: Sequential, lr: number) =>
    new AdamW(model.namedParameters(), { lr, weightDecay: 0.1 }),
} satisfies Record<OptimizerName, unknown>

export interface Training {
  readonly recipe: Recipe
  readonly data: Data
  readonly model: Sequential
  readonly optimizer: ReturnType<(typeof optimizers)[OptimizerName]>
  readonly schedule: LambdaLR
  /** Keeps small gradients from vanishing in f16; does nothing otherwise. */
  readonly scaler: GradScaler
  readonly loader: DataLoader<unknown, ReturnType<ImageDataset['batch']>>
  readonly generator: Generator
}

/** What has to be stored to go on as if nothing had been in between. */
export interface Snapshot {
  readonly recipe: Recipe
  readonly model: StateDict
  readonly optimizer: OptimizerState
  readonly schedule: ScheduleState
  readonly scaler: GradScalerState
  readonly loader: DataLoaderState
  readonly generator: GeneratorState
}

/** A training at its start. The same recipe gives the same, to the last bit. */
export async function prepare(recipe: Recipe, dataDir: string | undefined): Promise<Training> {
  const { seed, batchSize, epochs, lr } = recipe
  const generator = manualSeed(seed)
  const data = await loadData(recipe, dataDir, generator)
  const model = buildModel(recipe.data, data.test)
  const optimizer = optimizers[recipe.optimizer](model, lr)
  const loader = new DataLoader(data.train, { batchSize, shuffle: true, seed })
  const steps = epochs * loader.length
  const schedule = new LambdaLR(optimizer, {
    lrLambda: (t) => (1 + Math.cos((Math.PI * t) / steps)) / 2,
  })
  const scaler = new GradScaler({ enabled: recipe.precision === 'f16' })
  return { recipe, data, model, optimizer, schedule, scaler, loader, generator }
}

export function snapshot(training: Training): Snapshot {
  const { recipe, model, optimizer, schedule, scaler, loader, generator } = training
  return {
    recipe,
    model: model.stateDict(),
    optimizer: optimizer.stateDict(),
    schedule: schedule.stateDict(),
    scaler: scaler.stateDict(),
    loader: loader.state,
    generator: generator.state,
  }
}

/** Puts a training where a snapshot was taken. */
export function restore(training: Training, saved: Snapshot): void {
  training.model.loadStateDict(saved.model)
  training.optimizer.loadStateDict(saved.optimizer)
  training.schedule.loadStateDict(saved.schedule)
  training.scaler.loadStateDict(saved.scaler)
  training.loader.loadState(saved.loader)
  training.generator.state = saved.generator
}
