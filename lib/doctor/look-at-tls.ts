import * as net from 'node:net';
import * as tls from 'node:tls';
import type { EngineTls } from '../engine/engine.js';
import type { Clock } from './clock.js';
import { certificateFindings, chainOf } from './read-certificates.js';
import { StepBuilder } from './report.js';
import { alertFinding, tlsText } from './tls-alerts.js';

/** TLS 1.3: a server that does not like the client's certificate says so after the handshake. So long it is waited for. */
const AFTERTHOUGHT = 300;

/** How a look at TLS came out. The step is not built yet: what is on the port may have to be found out first. */
export interface TlsLook {
  readonly step: StepBuilder;
  /**
   * `done`: there is TLS. `refused`: there is, and the server has ended it, or this side's files are no good. `none`: it failed for a
   * reason unknown.
   */
  readonly handshake: 'done' | 'refused' | 'none';
  /** What was known about the handshake, for errors that come later. */
  readonly agreed: boolean;
  /** The server has closed the connection right behind the handshake, before it was told anything. */
  readonly hungUp: boolean;
  /** Of `none`: the words for it. */
  readonly detail: string;
}

/** Node's own options for the same handshake. Nothing is verified while it runs: what is wrong is to be seen, and told. */
export function nodeTlsOptions(options: EngineTls, host: string): tls.ConnectionOptions {
  const { ca, cert, key, passphrase, minVersion } = options;
  const name = options.servername ?? host;
  const given = Object.entries({ ca, cert, key, passphrase }).filter(([, value]) => value !== undefined);
  return {
    ...Object.fromEntries(given), minVersion, rejectUnauthorized: false,
    servername: net.isIP(name) === 0 ? name : '', checkServerIdentity: () => undefined,
  };
}

/** Makes a TLS connection of its own, without a byte of MQTT on it. */
export function lookAtTls(host: string, address: string, port: number, options: EngineTls, clock: Clock): Promise<TlsLook> {
  const step = new StepBuilder('tls');
  const clientCertificate = options.cert !== undefined;
  step.fact('serverName', options.servername ?? host);
  let agreed = false;
  let shaken = false;
  let hungUp = false;
  return new Promise((resolve) => {
    let socket: tls.TLSSocket | undefined;
    const done = (handshake: TlsLook['handshake'], detail = ''): void => {
      clearTimeout(timer);
      socket?.destroy();
      step.fact('clientCertificate', clientCertificate);
      resolve({ step, handshake, agreed, hungUp, detail });
    };
    const failed = (error: Error): void => {
      const detail = tlsText(error);
      const told = alertFinding(step, detail, { clientCertificate, agreed });
      // After the handshake only alerts are of interest: a server may hang up on somebody who says nothing.
      if (shaken) done('done');
      else done(told ? 'refused' : 'none', detail);
    };
    let timer = setTimeout(() => done('none', 'no answer in time'), clock.share(10_000, 0.3));
    try {
      socket = tls.connect({ host: address, port, ...nodeTlsOptions(options, host) });
    } catch (error) {
      step.problem('client-files', { detail: tlsText(error as Error) });
      return done('refused');
    }
    socket.on('keylog', () => { agreed = true; });
    socket.on('error', failed);
    socket.on('close', () => {
      hungUp = shaken;
      done(shaken ? 'done' : 'none', 'the connection was closed');
    });
    socket.once('secureConnect', () => {
      shaken = true;
      clearTimeout(timer);
      report(step, socket, host, options);
      timer = setTimeout(() => done('done'), clock.share(AFTERTHOUGHT, 0.1));
    });
    // Without a reader there are no alerts either.
    socket.resume();
  });
}

function report(step: StepBuilder, socket: tls.TLSSocket, host: string, options: EngineTls): void {
  const name = options.servername ?? host;
  const first = socket.getPeerCertificate(true);
  const chain = chainOf(first);
  // Node has the code in it, whatever its type says.
  const verdict = socket.authorizationError as unknown as string | Error | undefined;
  const code = verdict instanceof Error ? ((verdict as NodeJS.ErrnoException).code ?? verdict.message) : (verdict ?? undefined);
  step.fact('protocol', socket.getProtocol()).fact('cipher', socket.getCipher()?.standardName ?? null);
  certificateFindings(step, first, chain, name, code, options.insecureSkipVerify);
  const wrongName = step.findings.some(({ id }) => id === 'certificate-wrong-host');
  step.fact('verification', code ?? (wrongName ? 'ERR_TLS_CERT_ALTNAME_INVALID' : 'ok'));
  step.fact('chain', chain.map((one) => ({ ...one })));
  if (options.insecureSkipVerify) step.warning('verification-off');
}
