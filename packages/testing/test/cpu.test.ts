import { cpu } from '@nablajs/backend-cpu'
import { conformance } from '@nablajs/testing'

conformance('cpu', () => cpu())
