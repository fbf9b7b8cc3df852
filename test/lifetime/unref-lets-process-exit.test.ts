/**
 * After unref() an open client does not keep its process alive, whether it was called before or after connect(). While something else
 * keeps the process alive, the client works as before.
 */
import { expect } from 'vitest';
import { runChild } from '../support/child.js';
import { forEachEngine } from '../support/engines.js';
import { startMosquitto } from '../support/servers.js';

const mosquitto = startMosquitto();

forEachEngine((engine) => {
  for (const how of ['unref-after-connect', 'unref-with-subscription']) {
    engine.case(`${how}: the process ends by itself with the client open`, async () => {
      const end = await runChild('stay-or-exit.cjs', [engine.name, mosquitto.broker.url, how]);
      expect(end.stderr).toBe('');
      expect(end.lines).toEqual(['ready', 'event loop empty']);
      expect(end.code).toBe(0);
    });
  }

  engine.case('an unref client still receives while something else keeps the process alive', async () => {
    const end = await runChild('stay-or-exit.cjs', [engine.name, mosquitto.broker.url, 'unref-and-receive']);
    expect(end.stderr).toBe('');
    expect(end.lines).toEqual(['ready', 'received 100', 'event loop empty']);
    expect(end.code).toBe(0);
  });
});
