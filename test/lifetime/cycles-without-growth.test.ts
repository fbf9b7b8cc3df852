/**
 * Two hundred clients are made, connected and ended one after another, and the process is as large afterwards as before, when two hundred
 * others had filled its caches. Memory, handles and file descriptors are counted in a process of its own.
 */
import { expect } from 'vitest';
import { runChild } from '../support/child.js';
import { forEachEngine } from '../support/engines.js';
import { startMosquitto } from '../support/servers.js';

const mosquitto = startMosquitto({ tls: true });

/**
 * 40 KiB a cycle outside the heap and 5 KiB within: above what fragmentation leaves, below what a leaked client weighs with its buffers.
 */
const MOST_GROWTH = 8 * 1024 * 1024;
const MOST_HEAP_GROWTH = 1 * 1024 * 1024;

/** What the child prints. */
interface Result {
  cycles: number;
  /** Bytes that the process grew by, without V8's heap, and that the heap's content grew by. */
  outside: number;
  heap: number;
  /** Before and after. */
  resources: [number, number];
  descriptors: [number, number];
}

forEachEngine((engine) => {
  for (const how of ['destroy', 'close', 'tls-destroy'] as const) {
    engine.case(`200 cycles of create, connect, publish, ${how}`, async () => {
      const url = how.startsWith('tls') ? mosquitto.broker.tlsUrl : mosquitto.broker.url;
      const end = await runChild('cycles.cjs', [engine.name, url, how, mosquitto.broker.certificates!.authority.certFile], ['--expose-gc']);
      expect(end.stderr).toBe('');
      expect(end.code).toBe(0);
      const result = JSON.parse(end.lines.at(-1)!) as Result;
      expect(result.cycles).toBe(200);
      expect(result.outside).toBeLessThan(MOST_GROWTH);
      expect(result.heap).toBeLessThan(MOST_HEAP_GROWTH);
      expect(result.resources[1]).toBeLessThanOrEqual(result.resources[0]);
      expect(result.descriptors[1]).toBeLessThanOrEqual(result.descriptors[0]);
    }, { timeout: 90_000 });
  }
});
