import * as net from 'node:net';
import type { Clock } from './clock.js';
import { StepBuilder, type Step } from './report.js';

/** Names with more addresses than this exist, and what is true of the first ones is of the others. */
const MOST_ADDRESSES = 8;

const UNREACHABLE: ReadonlySet<string> = new Set(['EHOSTUNREACH', 'ENETUNREACH', 'EADDRNOTAVAIL', 'EHOSTDOWN', 'ENETDOWN']);

export interface Reached {
  readonly step: Step;
  readonly reached: string | undefined;
}

/** Whether the port accepts a TCP connection, asked of each address at once. `reached`: the first address that does. */
export async function reachPort(host: string, addresses: readonly string[], port: number, clock: Clock): Promise<Reached> {
  const step = new StepBuilder('tcp').fact('port', port);
  const time = clock.share(10_000, 0.4);
  const results = await Promise.all(addresses.slice(0, MOST_ADDRESSES).map((address) => reach(address, port, time)));
  step.fact('addresses', results.map(({ address, code, ms }) => ({ address, result: code ?? 'ok', ms })));
  const good = results.find(({ code }) => code === undefined);
  const bad = results.filter(({ code }) => code !== undefined);
  if (good === undefined) tcpFinding(step, host, port, bad.map(({ code }) => code!));
  else if (bad.length > 0) step.note('tcp-some-failed', { host, addresses: bad.map(({ address, code }) => `${address} ${code}`).join(', ') });
  return { step: step.build(), reached: good?.address };
}

/** The answer that says most decides: a refusal was an answer of the machine, silence was none. */
function tcpFinding(step: StepBuilder, host: string, port: number, codes: readonly string[]): void {
  const values = { host, port: String(port) };
  const unreachable = codes.find((code) => UNREACHABLE.has(code));
  if (codes.includes('ECONNREFUSED')) step.problem('tcp-refused', values);
  else if (codes.includes('ETIMEDOUT')) step.problem('tcp-timeout', values);
  else if (unreachable !== undefined) step.problem('tcp-unreachable', { ...values, code: unreachable });
  else step.problem('tcp-failed', { ...values, code: codes[0] ?? 'error' });
}

/** `code` is undefined when the connection was made. */
function reach(address: string, port: number, time: number): Promise<{ address: string; code: string | undefined; ms: number }> {
  const start = performance.now();
  return new Promise((resolve) => {
    const socket = net.connect({ host: address, port });
    const done = (code: string | undefined): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve({ address, code, ms: Math.round(performance.now() - start) });
    };
    const timer = setTimeout(() => done('ETIMEDOUT'), time);
    socket.once('connect', () => done(undefined));
    // A reset ends a connection that was made; who has none to offer refuses it. Why it was reset, the steps behind this one find out.
    socket.on('error', (error: NodeJS.ErrnoException) => done(error.code === 'ECONNRESET' ? undefined : (error.code ?? 'error')));
  });
}
