import type { Endpoint } from '../options/url.js';
import type { PortKind } from './identify-port.js';
import type { StepBuilder } from './report.js';

/** ActiveMQ's own: what closes there without a word has read a CONNECT as the length of a frame. */
const OPENWIRE_PORT = 61616;

/** How the port was spoken to when it was identified: as the URL says, or bare, because TLS had failed. */
export type Wire = 'plain' | 'tls';

/**
 * Adds the finding for a port that speaks something else than the URL says, with the URL that would be right. Returns false where that
 * explains nothing: it speaks what it should, or closes without a word.
 */
export function portFinding(step: StepBuilder, { kind, detail }: PortKind, { transport, host, port }: Endpoint, wire: Wire): boolean {
  const place = host.includes(':') ? `[${host}]` : host;
  const web = transport === 'ws' || transport === 'wss';
  const secure = transport === 'tls' || transport === 'wss';
  const s = wire === 'tls' ? 's' : '';
  step.fact('speaks', kind === 'other' ? detail : kind);
  switch (kind) {
    case 'mqtt':
      if (web) step.problem('mqtt-not-websocket', { url: `mqtt${s}://${place}:${port}` });
      else if (secure && wire === 'plain') step.problem('tls-on-plain-port', { url: `mqtt://${place}:${port}` });
      else return false;
      return true;
    case 'tls':
      if (secure) return false;
      step.problem('plain-on-tls-port', { url: web ? `wss://${place}:${port}/` : `mqtts://${place}:${port}` });
      return true;
    case 'websocket':
      if (web && secure === (wire === 'tls')) return false;
      step.problem('websocket-port', { url: `ws${s}://${place}:${port}${detail}` });
      return true;
    case 'http':
      if (web && secure === (wire === 'tls')) return false;
      step.problem('http-server');
      return true;
    case 'openwire':
      step.problem('openwire-port', { url: `mqtt://${place}:1883` });
      return true;
    case 'amqp':
      step.problem('amqp-port');
      return true;
    case 'other':
      step.problem('other-protocol', { bytes: detail });
      return true;
    case 'silent':
      step.problem('silent-server');
      return true;
    case 'closes':
      if (port !== OPENWIRE_PORT) return false;
      step.problem('openwire-port', { url: `mqtt://${place}:1883` });
      return true;
  }
}
