/**
 * A closed client is garbage like any other object, and an open one is not, even when nobody refers to it any more. The child process
 * runs the collector itself.
 */
import { expect } from 'vitest';
import { runChild } from '../support/child.js';
import { forEachEngine } from '../support/engines.js';
import { startMosquitto } from '../support/servers.js';

const mosquitto = startMosquitto();

forEachEngine((engine) => {
  for (const [how, title] of [
    ['closed', 'a client that was closed'], ['destroyed', 'a client that was destroyed'], ['failed', 'a client whose connection failed and that was destroyed'],
    ['never-connected', 'a client that was never connected'],
  ] as const) {
    engine.case(`${title} is collected`, async () => {
      const end = await runChild('collect.cjs', [engine.name, mosquitto.broker.url, how], ['--expose-gc']);
      expect(end.stderr).toBe('');
      expect(end.lines).toEqual(['collected 10 of 10']);
      expect(end.code).toBe(0);
    });
  }

  engine.case('an open client without references is not collected and goes on receiving', async () => {
    const end = await runChild('collect.cjs', [engine.name, mosquitto.broker.url, 'open'], ['--expose-gc']);
    expect(end.stderr).toBe('');
    expect(end.lines).toEqual(['received after collection', 'closed']);
    expect(end.code).toBe(0);
  });
});
