/**
 * A process ends in the middle of publishing and receiving, in each of the ways in which processes end. It must end with its own exit
 * code, without a crash and without a word on stderr that is not its own.
 */
import { expect } from 'vitest';
import { Child, runChild } from '../support/child.js';
import { forEachEngine } from '../support/engines.js';
import { startMosquitto } from '../support/servers.js';

const mosquitto = startMosquitto();

forEachEngine((engine) => {
  for (const how of ['exit-in-listener', 'exit-in-timer', 'exit-while-connecting']) {
    engine.case(`${how}: process.exit(7)`, async () => {
      const end = await runChild('publish-and-end.cjs', [engine.name, mosquitto.broker.url, how]);
      expect(end.stderr).toBe('');
      expect([end.code, end.signal]).toEqual([7, null]);
      expect(end.lines).toContain(how === 'exit-while-connecting' ? 'connecting' : 'publishing');
    });
  }

  engine.case('an uncaught exception in a listener ends the process as Node says', async () => {
    const end = await runChild('publish-and-end.cjs', [engine.name, mosquitto.broker.url, 'throw-in-listener']);
    expect(end.stderr).toContain('thrown by the test');
    expect([end.code, end.signal]).toEqual([1, null]);
  });

  engine.case('SIGTERM in full flight', async () => {
    const child = new Child('publish-and-end.cjs', [engine.name, mosquitto.broker.url, 'go-on']);
    await child.printed('publishing');
    child.process.kill('SIGTERM');
    const end = await child.end();
    expect(end.stderr).toBe('');
    expect([end.code, end.signal]).toEqual([null, 'SIGTERM']);
  });
});
