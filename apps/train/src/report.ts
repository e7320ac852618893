/** What a run tells the world: a person at a terminal, a log file, or a program. */
import { clearLine, cursorTo } from 'node:readline'
import type { WriteStream } from 'node:tty'
import { styleText } from 'node:util'
import type { ImageDataset } from '@nablajs/data'
import { drawConfusion, drawMistakes } from './draw.ts'
import type { Evaluation } from './evaluate.ts'
import { count, duration, fraction, plural } from './format.ts'
import type { Recipe } from './options.ts'
import type { EpochEvent, StepEvent } from './train.ts'

export interface StartEvent {
  readonly event: 'start'
  readonly recipe: Recipe
  readonly backend: string
  readonly train: number
  readonly test: number
  readonly parameters: number
  readonly out: string
  readonly resume?: string
  /** Epochs that are done already. */
  readonly epochsDone: number
}

export interface ResultEvent {
  readonly event: 'result'
  readonly test: Evaluation
  readonly data: ImageDataset
  readonly checkpoint: string
  /** Of a fresh model with the weights of the checkpoint. */
  readonly reloadedAccuracy: number
  readonly seconds: number
}

export type RunEvent = StartEvent | StepEvent | EpochEvent | ResultEvent

export interface Reporter {
  report(event: RunEvent): void
  /** Takes away what is there for the moment only. */
  end(): void
}

/** One JSON object a line. */
export class JsonReporter implements Reporter {
  report(event: RunEvent): void {
    process.stdout.write(`${JSON.stringify(this.#plain(event))}\n`)
  }

  end(): void {}

  #plain(event: RunEvent): object {
    if (event.event === 'start') {
      const { recipe, ...rest } = event
      return { ...rest, ...recipe }
    }
    if (event.event === 'epoch') {
      const { test, ...rest } = event
      return { ...rest, testAccuracy: test.accuracy }
    }
    if (event.event === 'result') {
      const { test, data: _, ...rest } = event
      const { accuracy, ...counts } = test
      return { ...rest, testAccuracy: accuracy, ...counts }
    }
    return event
  }
}

type Style = Parameters<typeof styleText>[0]

/** Lines of text; on a terminal with a line of progress below them. */
export class TextReporter implements Reporter {
  readonly #stream: WriteStream
  #drawnAt = 0

  constructor(stream: WriteStream) {
    this.#stream = stream
  }

  report(event: RunEvent): void {
    if (event.event === 'start') this.#start(event)
    else if (event.event === 'step') this.#step(event)
    else if (event.event === 'epoch') this.#epoch(event)
    else this.#result(event)
  }

  end(): void {
    if (this.#drawnAt === 0) return
    cursorTo(this.#stream, 0)
    clearLine(this.#stream, 0)
    this.#drawnAt = 0
  }

  #line(text = ''): void {
    this.end()
    this.#stream.write(`${text}\n`)
  }

  #styled(style: Style, text: string): string {
    return styleText(style, text, { stream: this.#stream })
  }

  #start({ recipe, backend, train, test, parameters, out, resume, epochsDone }: StartEvent): void {
    const { data, copies, optimizer, lr, batchSize, epochs, seed, precision } = recipe
    const from = copies
      ? ` (${count(train / (copies + 1))} and ${plural(copies, 'distorted copy').replace('copys', 'copies')} of each)`
      : ''
    this.#line(`${data}: ${count(train)} images to train on${from}, ${count(test)} to test with`)
    this.#line(
      `a network of ${count(parameters)} parameters on the ${backend} device: ${optimizer}, ` +
        `lr ${lr}, batches of ${batchSize}, ${plural(epochs, 'epoch')}, seed ${seed}` +
        (precision === 'f32' ? '' : `, mixed precision in ${precision}`),
    )
    if (resume !== undefined)
      this.#line(`going on from ${resume}, ${plural(epochsDone, 'epoch')} done`)
    this.#line(this.#styled('dim', `checkpoint after every epoch: ${out}`))
    this.#line()
  }

  #step(event: StepEvent): void {
    if (!this.#stream.isTTY) return
    const now = performance.now()
    if (this.#drawnAt > 0 && now - this.#drawnAt < 80) return
    const room = (this.#stream.columns || 80) - 1
    const text = progress(event, room)
    const width = Math.min(30, room - text.length - 2)
    this.end()
    const bar = width >= 8 ? `${this.#bar(event.step / event.steps, width)}  ` : ''
    this.#stream.write(bar + text)
    this.#drawnAt = now
  }

  #bar(share: number, width: number): string {
    const done = Math.round(share * width)
    return this.#styled('cyan', '━'.repeat(done)) + this.#styled('dim', '─'.repeat(width - done))
  }

  #epoch({ epoch, epochs, loss, accuracy, test, imagesPerSecond, seconds }: EpochEvent): void {
    const number = String(epoch).padStart(String(epochs).length)
    this.#line(
      `epoch ${number}/${epochs}  loss ${fraction(loss)}  accuracy ${fraction(accuracy)}  ` +
        `test ${fraction(test.accuracy)}  ${count(imagesPerSecond)} images/s  ${duration(seconds)}`,
    )
  }

  #result({ test, data, checkpoint, reloadedAccuracy, seconds }: ResultEvent): void {
    const { correct, total, accuracy, confusion, mistakes } = test
    this.#line()
    const mark = (text: string, right: boolean): string =>
      this.#styled(right ? 'green' : ['red', 'bold'], text)
    for (const line of drawConfusion(confusion, mark)) this.#line(line)
    if (mistakes.length > 0) {
      this.#line()
      this.#line(
        `${plural(mistakes.length, 'image')} misread${mistakes.length > 4 ? '; the first ones:' : ':'}`,
      )
      this.#line()
      const columns = this.#stream.isTTY ? this.#stream.columns : 80
      for (const line of drawMistakes(data, mistakes, columns)) this.#line(line)
    }
    this.#line()
    this.#line(
      `${this.#styled('bold', `test accuracy ${fraction(accuracy)}`)} ` +
        `(${count(correct)} of ${count(total)}), trained in ${duration(seconds)}`,
    )
    this.#line(
      `${checkpoint} read back into a fresh network: test accuracy ${fraction(reloadedAccuracy)}`,
    )
  }
}

/** As much as fits, the most interesting first. */
function progress(event: StepEvent, room: number): string {
  const { epoch, meanLoss, accuracy, imagesPerSecond, secondsLeft } = event
  const parts = [
    `epoch ${epoch}`,
    `loss ${fraction(meanLoss)}`,
    `accuracy ${fraction(accuracy)}`,
    `${duration(secondsLeft)} left`,
    `${count(imagesPerSecond)} images/s`,
  ]
  while (parts.length > 1 && parts.join('  ').length > room) parts.pop()
  return parts.join('  ').slice(0, room)
}
