/**
 * The seams rename calls of Paho's, which itself is compiled as released. A rename of a call that a new release no longer makes would do
 * nothing, in silence, so each one is looked up in Paho's source here; so is each line that a seam names.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { describe, expect, test } from 'vitest';

const root = path.resolve(import.meta.dirname, '../..');
const paho = path.join(root, 'native/sources/vendor/paho-mqtt-sys/paho.mqtt.c/src');

const seams = [
  ['seams_async.h', 'MQTTAsync.c'],
  ['seams_async_utils.h', 'MQTTAsyncUtils.c'],
  ['seams_protocol_client.h', 'MQTTProtocolClient.c'],
] as const;

describe.each(seams)('native/paho/%s', (header, source) => {
  const text = fs.readFileSync(path.join(root, 'native/paho', header), 'utf8');
  const lines = fs.readFileSync(path.join(paho, source), 'utf8').split('\n');
  const renamed = [...text.matchAll(/^#define (\w+)(?:\([^)]*\))? \S/gm)].map(([, name]) => name!);
  const calls = (line: string, name: string): boolean => new RegExp(`\\b${name}\\(`).test(line);

  test('every call that it renames is made', () => {
    expect(renamed.length).toBeGreaterThan(0);
    expect(renamed.filter((name) => !lines.some((line) => calls(line, name)))).toEqual([]);
  });

  // A line may also be where the reason for the seam lies.
  const isSaid = (line: string): boolean => [...renamed, 'setRetryLoopInterval'].some((name) => calls(line, name));
  const named = [...text.matchAll(/(?<=[(, ](?:\w+\.c)?):(\d+)/g)].map(([, number]) => Number(number));

  test.skipIf(named.length === 0)('every line that it names makes such a call (skipped: it names none)', () => {
    expect(named.filter((number) => !isSaid(lines[number - 1] ?? ''))).toEqual([]);
  });
});
