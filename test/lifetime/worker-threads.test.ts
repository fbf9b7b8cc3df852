/**
 * Four worker threads publish and receive, each with its own client, and are terminated in full flight, five times. The process goes on,
 * and a client of its main thread still works afterwards.
 */
import { expect } from 'vitest';
import { runChild } from '../support/child.js';
import { forEachEngine } from '../support/engines.js';
import { startMosquitto } from '../support/servers.js';

const mosquitto = startMosquitto();

forEachEngine((engine) => {
  engine.case('four workers, terminated in full flight, five rounds', async () => {
    const end = await runChild('workers.cjs', [engine.name, mosquitto.broker.url, 'terminate']);
    expect(end.stderr).toBe('');
    expect(end.lines).toEqual(['round 1', 'round 2', 'round 3', 'round 4', 'round 5', 'main thread: 100 messages', 'done']);
    expect([end.code, end.signal]).toEqual([0, null]);
  }, { timeout: 90_000 });

  engine.case('workers that close their clients end by themselves', async () => {
    const end = await runChild('workers.cjs', [engine.name, mosquitto.broker.url, 'close']);
    expect(end.stderr).toBe('');
    expect(end.lines).toEqual(['round 1', 'round 2', 'main thread: 100 messages', 'done']);
    expect([end.code, end.signal]).toEqual([0, null]);
  }, { timeout: 90_000 });

  engine.case('the process exits while workers publish', async () => {
    const end = await runChild('workers.cjs', [engine.name, mosquitto.broker.url, 'exit']);
    expect(end.stderr).toBe('');
    expect(end.lines).toEqual(['round 1']);
    expect([end.code, end.signal]).toEqual([7, null]);
  }, { timeout: 90_000 });
});
