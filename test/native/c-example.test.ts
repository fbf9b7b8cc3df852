/**
 * The C example of the core, as a program without Node.js: it connects, subscribes, publishes and receives through a real broker. `npm
 * test` builds it together with the C tests.
 */
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Mosquitto } from '../support/mosquitto.js';

const program = path.resolve(import.meta.dirname, '../../build/examples/c/publish_and_receive');

let broker: Mosquitto;
beforeAll(async () => { broker = await Mosquitto.start(); });
afterAll(() => broker.stop());

it('the C example gets its own message back', async () => {
  const { stdout } = await promisify(execFile)(program, ['127.0.0.1', String(broker.port('plain')), 'from/c']);
  expect(stdout.split('\n')).toEqual(expect.arrayContaining(['connected', 'subscribed, granted QoS 1', 'received from/c: hello from C', 'publish ended: success']));
});

it('it says why a server cannot be reached', async () => {
  const failed = await promisify(execFile)(program, ['127.0.0.1', '1']).catch((error: unknown) => error as { code: number; stdout: string });
  expect(failed).toMatchObject({ code: 1 });
  expect(failed.stdout).toContain('no TCP connection was made');
});
