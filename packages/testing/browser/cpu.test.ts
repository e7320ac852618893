/** The conformance suite on the CPU device in a browser, with memory that threads could share and without. */
import { cpu } from '@nablajs/backend-cpu'
import { conformance } from '@nablajs/testing'
import { expect, test } from 'vitest'

test('the page is cross-origin isolated, so that memory can be shared', () => {
  expect(crossOriginIsolated).toBe(true)
})

conformance('cpu in a browser', () => cpu())
conformance('cpu in a browser, unshared memory', () => cpu({ shared: false }))
