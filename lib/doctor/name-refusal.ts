import type { MqttError } from '../errors.js';
import { reasonText } from '../protocol/reason-codes.js';
import type { StepBuilder } from './report.js';
import type { Settings } from './settings.js';
import { cleaned, type Secrets } from './shown.js';
import type { FindingId } from './texts/texts.js';

/** CONNACK's return codes of 3.1.1 (table 3.1), by the names of MQTT 5 where they mean the same. */
const RETURN_CODES: Readonly<Record<number, string>> = {
  1: 'unacceptable protocol version', 2: 'identifier rejected', 3: 'server unavailable', 4: 'bad user name or password', 5: 'not authorized',
};

/** What a code of CONNACK means for the person who looks at it. Those without an entry are told as they are. */
const MEANINGS: Readonly<Record<number, FindingId>> = {
  2: 'client-id-rejected', 3: 'server-unavailable', 4: 'bad-credentials', 5: 'not-authorized',
  0x85: 'client-id-rejected', 0x86: 'bad-credentials', 0x87: 'not-authorized', 0x88: 'server-unavailable', 0x89: 'server-busy', 0x8a: 'banned',
  0x8b: 'server-unavailable', 0x8c: 'bad-authentication-method', 0x97: 'quota-exceeded', 0x9c: 'use-another-server', 0x9d: 'use-another-server',
  0x9f: 'rate-exceeded',
};

/** Unsupported Protocol Version, and the same of 3.1.1. */
export function refusesVersion(error: MqttError): boolean {
  return error.code === 'ERR_MQTT_REFUSED' && (error.reasonCode === 1 || error.reasonCode === 0x84);
}

/** The reason as it is shown: `Not authorized (0x87)`, `return code 5, not authorized`, and what the server wrote beside it. */
export function reasonOf(error: MqttError, secrets: Secrets): string {
  const code = error.reasonCode ?? 0x80;
  const name = code < 6 ? `return code ${code}, ${RETURN_CODES[code] ?? '?'}` : reasonText(code);
  const said = error.properties?.reasonString;
  return said === undefined ? name : `${name}: ${secrets.hide(said)}`;
}

/** Adds the finding for a CONNACK that refuses. */
export function refusalFinding(step: StepBuilder, error: MqttError, who: Pick<Settings, 'username' | 'clientId' | 'secrets'>): void {
  const reason = reasonOf(error, who.secrets);
  const meaning = MEANINGS[error.reasonCode ?? 0x80] ?? 'refused';
  const credentials = meaning === 'bad-credentials' || meaning === 'not-authorized';
  const id = credentials && who.username === undefined ? 'credentials-missing' : meaning;
  const reference = who.secrets.hide(error.properties?.serverReference ?? '-');
  step.problem(id, { reason, clientId: cleaned(who.clientId), reference });
}
