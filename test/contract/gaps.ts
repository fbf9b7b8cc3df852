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

/** What both lack until the client reconnects by itself. */
const RESUMING = 'this side keeps no session state over a lost connection: sending again and knowing repeats come with reconnecting';

export const GAPS: readonly Gap[] = [
  {
    file: 'wire/session.test.ts', case: 'an unacknowledged QoS 1 is sent again with DUP and its identifier [MQTT-3.3.1-1] [MQTT-4.4.0-1]',
    engines: ['js', 'native'], reason: RESUMING,
  },
  {
    file: 'wire/session.test.ts', case: 'QoS 2 is sent again before its PUBREC, and only PUBREL after it [MQTT-4.3.3-6] [MQTT-4.4.0-1]',
    engines: ['js', 'native'], reason: RESUMING,
  },
  {
    file: 'wire/session.test.ts', case: 'ten of them are sent again in their first order, and new ones follow behind [MQTT-4.6.0-1]',
    engines: ['js', 'native'], reason: RESUMING,
  },
  {
    file: 'wire/session.test.ts', case: 'an incoming QoS 2 that was answered with PUBREC is delivered once over two connections [MQTT-4.3.3-10]',
    engines: ['js', 'native'], reason: RESUMING,
  },
];
