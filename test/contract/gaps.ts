/**
 * What an engine cannot do yet, or cannot do at all. A case listed here is shown as skipped with its reason, never left out in silence;
 * an entry that no case answers to fails its file. A bug is no gap: its case stays and fails.
 */
import type { EngineName } from '../support/engines.js';

export interface Gap {
  /** The test file, from `test/` on: `contract/connect.test.ts`. */
  readonly file: string;
  /** The case's name, letter by letter. */
  readonly case: string;
  readonly engines: readonly EngineName[];
  readonly reason: string;
}

/** Mosquitto does in MQTT 5 what 3.3.4 allows. */
const COPIES = 'the broker sends a copy for each filter that matches, and nothing in a copy says that it is one';

export const GAPS: readonly Gap[] = [
  {
    file: 'contract/overlapping.test.ts', case: "'message' is emitted once for a message that two subscriptions match, from a broker that sends copies",
    engines: ['js', 'native'], reason: COPIES,
  },
  {
    file: 'contract/overlapping.test.ts',
    case: 'filters of one subscribe() that overlap are one subscription: it gets the message once, from a broker that sends copies',
    engines: ['js', 'native'], reason: COPIES,
  },
];
