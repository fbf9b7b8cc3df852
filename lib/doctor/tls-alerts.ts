import { cleaned } from './shown.js';
import type { StepBuilder } from './report.js';

/** What is known besides the error of a handshake. */
export interface HandshakeFacts {
  /** This side showed a certificate. */
  readonly clientCertificate: boolean;
  /** Version and cipher were agreed on, so that these cannot be the reason. */
  readonly agreed: boolean;
}

/** What OpenSSL calls it, without the places in its source. */
export function tlsText(error: Error): string {
  const { reason, code } = error as NodeJS.ErrnoException & { reason?: string };
  const text = reason ?? /:SSL routines:[^:]*:([^:]+)/.exec(error.message)?.[1] ?? error.message;
  return cleaned(code === undefined || text.includes(code) ? text : `${text} (${code})`);
}

/**
 * Adds the finding of an alert that the server has sent, by the words that OpenSSL has for it on both engines. Returns false when the
 * error was none: then it says nothing about what the server wants.
 */
export function alertFinding(step: StepBuilder, text: string, { clientCertificate, agreed }: HandshakeFacts): boolean {
  const detail = cleaned(text);
  const wantsCertificate = (): unknown => clientCertificate
    ? step.problem('client-certificate-refused', { detail }) : step.problem('client-certificate-required');
  if (/alert (protocol version|inappropriate fallback)|unsupported protocol|wrong ssl version|no protocols available/i.test(text)) step.problem('tls-version');
  // OpenSSL has no "alert" in its words for those of the extensions.
  else if (/tlsv1 (unrecognized name|unsupported extension|certificate unobtainable|bad certificate (status response|hash value))/i.test(text)) step.problem('tls-alert', { detail });
  // The native engine's own words, where a reset has eaten the alert: Windows drops what is unread when one comes.
  else if (/after the server had asked for a certificate/i.test(text)) wantsCertificate();
  else if (!/\balert\b/i.test(text)) return false;
  else if (/alert (certificate required|bad certificate|unsupported certificate|certificate (expired|revoked|unknown)|unknown ca|access denied|no certificate)/i.test(text)) wantsCertificate();
  else if (!/alert (handshake failure|insufficient security)/i.test(text)) step.problem('tls-alert', { detail });
  else if (agreed) wantsCertificate();
  else step.problem('tls-cipher');
  return true;
}
