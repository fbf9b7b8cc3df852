/**
 * What the bundle has in place of `vitest`: its own runner and matchers without the part that needs a bundler, so that the same test
 * files run on a Node for which no bundler exists. Only what test/contract and test/support use is here; more is an error of the bundler.
 */
import * as chai from 'chai';
import { ASYMMETRIC_MATCHERS_OBJECT, JestAsymmetricMatchers, JestChaiExpect, JestExtend, getState, setState } from '@vitest/expect';

export { afterAll, afterEach, beforeAll, beforeEach, describe, it, onTestFinished, test } from '@vitest/runner';

chai.use(JestExtend);
chai.use(JestChaiExpect);
chai.use(JestAsymmetricMatchers);

type Expect = Parameters<typeof getState>[0];

// The matchers keep what they know about the running test with the function that made them.
export const expect = Object.assign(
  ((value: unknown, message?: string) => chai.expect(value, message)) as unknown as Expect,
  chai.expect,
  (globalThis as unknown as Record<symbol, object>)[ASYMMETRIC_MATCHERS_OBJECT],
  { getState: () => getState(expect), setState: (state: object) => setState(state, expect) },
);

/** Says which file runs now: the test files ask expect for it. */
export function enterFile(file: string): void {
  setState({ testPath: file, assertionCalls: 0, isExpectingAssertions: false, expectedAssertionsNumber: null }, expect);
}
