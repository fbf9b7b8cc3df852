import { promises as dns } from 'node:dns';
import { isIP } from 'node:net';
import type { Clock } from './clock.js';
import { within } from './clock.js';
import { StepBuilder, type Step } from './report.js';

/** Which addresses the host name has, asked as the engines ask: by the system's own resolver. */
export async function lookUpName(host: string, clock: Clock): Promise<{ step: Step; addresses: readonly string[] }> {
  const step = new StepBuilder('dns').fact('host', host);
  let addresses: string[] = [];
  if (isIP(host) !== 0) {
    addresses = [host];
  } else {
    try {
      const found = await within(clock.share(10_000, 0.5), dns.lookup(host, { all: true, verbatim: true }));
      if (found === undefined) step.problem('dns-no-answer', { host, code: 'timeout' });
      addresses = [...new Set(found?.map(({ address }) => address))];
    } catch (error) {
      nameFinding(step, host, (error as NodeJS.ErrnoException).code ?? 'error');
    }
  }
  if (addresses.length > 0) step.fact('addresses', addresses);
  return { step: step.build(), addresses };
}

/** What getaddrinfo()'s code means. */
export function nameFinding(step: StepBuilder, host: string, code: string): void {
  if (code === 'ENOTFOUND' || code === 'ENODATA') step.problem('dns-not-found', { host });
  else if (code === 'EAI_AGAIN' || code === 'ETIMEOUT') step.problem('dns-no-answer', { host, code });
  else step.problem('dns-failed', { host, code });
}
