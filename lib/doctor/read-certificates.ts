import { checkServerIdentity, type DetailedPeerCertificate, type PeerCertificate } from 'node:tls';
import { cleaned } from './shown.js';
import type { StepBuilder } from './report.js';

/** A certificate that expires sooner than this is worth a word. */
const SOON_DAYS = 14;
const DAY = 86_400_000;

/** A chain is some certificates long; whoever sends more wants to be a nuisance. */
const LONGEST_CHAIN = 10;

export interface Certificate {
  readonly subject: string;
  readonly issuer: string;
  readonly from: string;
  readonly to: string;
  readonly names: readonly string[];
  readonly sha256: string;
}

/** The server's certificate and those behind it, as far as Node could build the chain. */
export function chainOf(first: DetailedPeerCertificate): Certificate[] {
  const chain: Certificate[] = [];
  const seen = new Set<string>();
  let one: DetailedPeerCertificate | undefined = first;
  while (one?.raw !== undefined && !seen.has(one.fingerprint256) && chain.length < LONGEST_CHAIN) {
    seen.add(one.fingerprint256);
    chain.push({
      subject: nameOf(one.subject), issuer: nameOf(one.issuer),
      from: dateOf(one.valid_from), to: dateOf(one.valid_to), names: namesOf(one), sha256: one.fingerprint256,
    });
    one = one.issuerCertificate;
  }
  return chain;
}

/**
 * Everything that is wrong with the server's certificate, and not only what OpenSSL has met last: dates and names are looked at here,
 * `code` is its verdict on the chain. With --insecure (`tolerated`) these are warnings.
 */
export function certificateFindings(
  step: StepBuilder, first: PeerCertificate, chain: readonly Certificate[], host: string, code: string | undefined, tolerated: boolean,
): void {
  const add: StepBuilder['problem'] = (id, values) => (tolerated ? step.warning(id, values) : step.problem(id, values));
  const now = Date.now();
  for (const { subject, from, to } of chain) {
    if (Date.parse(to) < now) add('certificate-expired', { subject, date: to });
    else if (Date.parse(from) > now) add('certificate-not-yet-valid', { subject, date: from, now: new Date(now).toISOString() });
    else if (Date.parse(to) - now < SOON_DAYS * DAY) step.warning('certificate-expires-soon', { subject, date: to });
  }
  if (checkServerIdentity(host, first) !== undefined) {
    const names = namesOf(first);
    add('certificate-wrong-host', { host, names: names.length > 0 ? names.join(', ') : nameOf(first.subject) });
  }
  const leaf = chain[0];
  const subject = leaf?.subject ?? '';
  const issuer = chain.at(-1)?.issuer ?? '';
  switch (code) {
    case undefined: case 'CERT_HAS_EXPIRED': case 'CERT_NOT_YET_VALID': case 'ERR_TLS_CERT_ALTNAME_INVALID':
      break;
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
      add('certificate-self-signed', { subject });
      break;
    case 'SELF_SIGNED_CERT_IN_CHAIN': case 'UNABLE_TO_GET_ISSUER_CERT': case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY': case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE': case 'CERT_UNTRUSTED':
      add('certificate-unknown-authority', { issuer });
      if (chain.length === 1) step.note('certificate-alone', { issuer });
      break;
    default:
      add('certificate-refused', { detail: code.toLowerCase().replaceAll('_', ' '), code });
  }
}

/** `CN=name, O=organisation`; several values of one kind are joined. */
function nameOf(name: PeerCertificate['subject'] | undefined): string {
  const parts = Object.entries(name ?? {}) as [string, string | string[]][];
  return cleaned(parts.map(([key, value]) => `${key}=${Array.isArray(value) ? value.join('+') : value}`).join(', ')) || '(no name)';
}

function namesOf({ subjectaltname }: PeerCertificate): string[] {
  return (subjectaltname ?? '').split(', ').filter((name) => name !== '').map((name) => cleaned(name.replace(/^(?:DNS|IP Address):/, '')));
}

/** Node has it as `Jan  1 00:00:00 2021 GMT`. */
function dateOf(text: string): string {
  const time = Date.parse(text);
  return Number.isNaN(time) ? cleaned(text) : new Date(time).toISOString();
}
