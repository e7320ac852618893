import { reference } from '@nablajs/tensor'
import { conformance } from '@nablajs/testing'

conformance('reference', reference)
