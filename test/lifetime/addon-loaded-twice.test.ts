/**
 * One process has the package twice, as it happens when two dependencies bring their own copy: both work at the same time and neither
 * hinders the other. The copies come from the same file, and from two files.
 */
import { expect } from 'vitest';
import { runChild } from '../support/child.js';
import { forEachEngine } from '../support/engines.js';
import { startMosquitto } from '../support/servers.js';

const mosquitto = startMosquitto();

forEachEngine((engine) => {
  engine.case('two module instances of one file', async () => {
    const end = await runChild('twice.cjs', [engine.name, mosquitto.broker.url, 'same-file']);
    expect(end.stderr).toBe('');
    expect(end.lines).toEqual(['two classes', 'first: 200 messages', 'second: 200 messages', 'done']);
    expect(end.code).toBe(0);
  });

  engine.case('two copies of the package in two folders', async () => {
    const end = await runChild('twice.cjs', [engine.name, mosquitto.broker.url, 'two-folders']);
    expect(end.stderr).toBe('');
    expect(end.lines).toEqual(['two classes', 'first: 200 messages', 'second: 200 messages', 'done']);
    expect(end.code).toBe(0);
  });

  engine.case('require and import give one class', async () => {
    const end = await runChild('require-and-import.mjs', [engine.name, mosquitto.broker.url]);
    expect(end.stderr).toBe('');
    expect(end.lines).toEqual(['one class', 'done']);
    expect(end.code).toBe(0);
  });
});
