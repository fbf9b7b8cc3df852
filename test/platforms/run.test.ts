/**
 * What test:platforms counts is what was seen. A case that the platform does not bring back is a failure and never a gap in the count.
 */
import { describe, expect, it } from 'vitest';
import type { FileReport } from './bundle/report.js';
import { judge } from './run.mjs';

const addon = 'node_modules/mqtt-native/prebuilds/linux-x64/mqtt-native.glibc.node';
const expected = [{ name: 'one', state: 'listed' as const }, { name: 'two', state: 'listed' as const }];

function reportOf(more: Partial<FileReport> = {}): FileReport {
  const runtime = { node: 'v20.0.0', napi: '9', platform: 'linux', arch: 'x64', execPath: 'node' };
  return { file: 'a.test.ts', runtime, addons: [addon], cases: [{ name: 'one', state: 'passed' }, { name: 'two', state: 'passed' }], errors: [], ...more };
}

const judged = (report?: FileReport, ending?: string): string[] =>
  judge({ file: 'a.test.ts', expected, addon, ...(report === undefined ? {} : { report }), ...(ending === undefined ? {} : { ending }) })
    .map(({ name, state, error }) => [name, state, error].filter(Boolean).join(': '));

describe('what a platform brings back', () => {
  it('counts as it is when it is complete', () => {
    expect(judged(reportOf())).toEqual(['one: passed', 'two: passed']);
  });

  it('without a report every case has failed, with how the process ended', () => {
    const died = 'did not come back: the process was ended by SIGSEGV';
    expect(judged(undefined, 'was ended by SIGSEGV')).toEqual([
      `one: failed: ${died}`, `two: failed: ${died}`, '(outside of a case): failed: the process was ended by SIGSEGV',
    ]);
  });

  it('a case that is not in the report has failed', () => {
    expect(judged(reportOf({ cases: [{ name: 'one', state: 'passed' }] }))).toEqual(['one: passed', 'two: failed: did not come back']);
  });

  it('a case that was skipped without a reason has failed; one with a reason is skipped', () => {
    const cases = [{ name: 'one', state: 'skipped' as const }, { name: 'two', state: 'skipped' as const, reason: 'no child processes' }];
    expect(judged(reportOf({ cases }))).toEqual(['one: failed: was skipped without a reason', 'two: skipped']);
  });

  it('a case that the comparing machine does not have has failed', () => {
    const cases = [...reportOf().cases, { name: 'three', state: 'passed' as const }];
    expect(judged(reportOf({ cases }))).toContain('three: failed: is not collected on the machine that compares');
  });

  it('another addon than the one under test is a failure', () => {
    expect(judged(reportOf({ addons: ['build/Release/mqtt_native.node'] }))).toContain(
      `(outside of a case): failed: loaded build/Release/mqtt_native.node, not ${addon}`);
  });

  it('a process that does not end well is a failure, whatever its cases say', () => {
    expect(judged(reportOf(), 'took more than 120 s')).toContain('(outside of a case): failed: the process took more than 120 s');
  });
});
