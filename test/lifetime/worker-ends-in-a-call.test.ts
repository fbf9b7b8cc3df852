/**
 * Workers do nothing but call into the addon, and are terminated in the middle of it, forty times. A worker that is being ended refuses
 * every call back into JavaScript, and an exception in C++ about that must not end the process.
 */
import { expect } from 'vitest';
import { runChild } from '../support/child.js';
import { forEachEngine } from '../support/engines.js';

forEachEngine((engine) => {
  engine.case('forty workers, each terminated while it calls the addon', async () => {
    const end = await runChild('calls.cjs', []);
    expect(end.stderr).toBe('');
    expect(end.lines).toEqual(['40 workers ended']);
    expect([end.code, end.signal]).toEqual([0, null]);
  }, { timeout: 90_000 });
}, ['native']);
