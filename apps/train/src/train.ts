/** The loop. It prints nothing and writes nothing: it yields what happened. */
import { crossEntropy } from '@nablajs/nn'
import { autocast, keep, scope, type Tensor } from '@nablajs/tensor'
import { breathe } from './breathe.ts'
import { RunError } from './errors.ts'
import { type Evaluation, evaluate } from './evaluate.ts'
import type { Training } from './training.ts'

export interface StepEvent {
  readonly event: 'step'
  /** From 1. */
  readonly epoch: number
  /** Of the epoch, from 1. */
  readonly step: number
  readonly steps: number
  readonly loss: number
  /** Means over the epoch so far. */
  readonly meanLoss: number
  readonly accuracy: number
  readonly imagesPerSecond: number
  readonly secondsLeft: number
}

export interface EpochEvent {
  readonly event: 'epoch'
  readonly epoch: number
  readonly epochs: number
  readonly loss: number
  /** On the training images, as they were met. */
  readonly accuracy: number
  readonly test: Evaluation
  readonly imagesPerSecond: number
  readonly seconds: number
}

/**
 * Trains from where the training stands to the end of its last epoch. Between two events the
 * training is whole: it may be stored, or left for good.
 *
 * @throws RunError when the loss is no finite number.
 */
export async function* train(training: Training): AsyncGenerator<StepEvent | EpochEvent> {
  const { model, optimizer, schedule, scaler, loader, recipe, data } = training
  const { precision } = recipe
  const inPrecision = (body: () => Tensor): Tensor =>
    precision === 'f32' ? body() : autocast(precision, body)
  const remaining = (epoch: number, step: number): number =>
    (recipe.epochs - epoch) * loader.length + loader.length - step
  let [trained, seconds] = [0, 0]
  while (loader.state.epoch < recipe.epochs) {
    const epoch = loader.state.epoch + 1
    let [step, lossSum, hits, images, epochSeconds] = [loader.state.batch, 0, 0, 0, 0]
    const first = step
    for await (const { image, label } of loader) {
      const begin = performance.now()
      let hit: Tensor | undefined
      optimizer.zeroGrad()
      const lossTensor = scope(() => {
        const found = inPrecision(() => {
          const logits = model.forward(image)
          hit = keep(logits.detach().argmax(-1).eq(label).cast('i32').sum())
          return crossEntropy(logits, label, { labelSmoothing: 0.1 })
        })
        scaler.scale(found).backward()
        return found.detach()
      })
      await scaler.unscaleAsync(optimizer)
      scaler.step(optimizer)
      scaler.update()
      schedule.step()
      const loss = await lossTensor.item()
      hits += await hit!.item()
      lossTensor.dispose()
      hit!.dispose()
      step++
      if (!Number.isFinite(loss)) throw await explain(training, loss, epoch, step)

      const count = label.size
      const took = (performance.now() - begin) / 1000
      lossSum += loss
      images += count
      trained += count
      epochSeconds += took
      seconds += took
      yield {
        event: 'step',
        epoch,
        step,
        steps: loader.length,
        loss,
        meanLoss: lossSum / (step - first),
        accuracy: hits / images,
        imagesPerSecond: trained / seconds,
        secondsLeft: (remaining(epoch, step) * recipe.batchSize * seconds) / trained,
      }
      await breathe()
    }
    const test = await evaluate(model, data.test)
    yield {
      event: 'epoch',
      epoch,
      epochs: recipe.epochs,
      loss: lossSum / (step - first),
      accuracy: hits / images,
      test,
      imagesPerSecond: images / epochSeconds,
      seconds: epochSeconds,
    }
  }
}

async function explain(
  { model, recipe }: Training,
  loss: number,
  epoch: number,
  step: number,
): Promise<RunError> {
  let culprit = 'all parameters are finite'
  for (const [name, parameter] of model.namedParameters())
    if (!(await parameter.data()).every(Number.isFinite)) {
      culprit = `the first parameter that is not finite is ${name}`
      break
    }
  return new RunError(
    `the loss is ${loss} at epoch ${epoch}, step ${step}; ${culprit}; try a smaller --lr than ${recipe.lr}`,
  )
}
