/**
 * What a server says by a TLS alert is named by doctor. Where the alert was lost with a reset, the engine's own words have to do.
 */
import { expect, it } from 'vitest';
import { StepBuilder } from '../../dist/doctor/report.js';
import { alertFinding } from '../../dist/doctor/tls-alerts.js';

function findingOf(text: string, clientCertificate: boolean): string | undefined {
  const step = new StepBuilder('connect');
  const told = alertFinding(step, text, { clientCertificate, agreed: true });
  expect(told).toBe(step.findings.length === 1);
  return step.findings[0]?.id;
}

it('a reset in place of the answer to a client certificate is told as a refused or missing certificate', () => {
  const text = 'TLS handshake with 192.0.2.1:8883: connection reset by peer, after the server had asked for a certificate of this client';
  expect(findingOf(text, false)).toBe('client-certificate-required');
  expect(findingOf(text, true)).toBe('client-certificate-refused');
});

it('a reset without such a question says nothing of certificates', () => {
  expect(findingOf('connection lost: connection reset by peer', true)).toBeUndefined();
});
