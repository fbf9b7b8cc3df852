/**
 * An open client keeps its process alive as an open socket does, and an ended one does not. The child prints when its event loop has run
 * empty, which must not happen before its client ends.
 */
import { expect } from 'vitest';
import { Child, runChild } from '../support/child.js';
import { forEachEngine } from '../support/engines.js';
import { startMosquitto } from '../support/servers.js';

const mosquitto = startMosquitto();

forEachEngine((engine) => {
  for (const how of ['open', 'unref-then-ref']) {
    engine.case(`${how}: the process lives until the client ends`, async () => {
      const child = new Child('stay-or-exit.cjs', [engine.name, mosquitto.broker.url, how]);
      await child.printed('ready');
      const stopper = await engine.connected(mosquitto.broker.url);
      await stopper.publish(`stay/${child.process.pid}`, 'stop', { qos: 1 });
      const end = await child.end();
      expect(end.stderr).toBe('');
      expect(end.lines).toEqual(['ready', 'told to stop', 'closed', 'event loop empty']);
      expect(end.code).toBe(0);
    });
  }

  for (const how of ['close', 'destroy', 'connect-fails', 'never-connected', 'server-ends']) {
    engine.case(`${how}: the process ends by itself`, async () => {
      const end = await runChild('stay-or-exit.cjs', [engine.name, mosquitto.broker.url, how]);
      expect(end.stderr).toBe('');
      expect(end.lines).toEqual(['ready', 'event loop empty']);
      expect(end.code).toBe(0);
    });
  }
});
