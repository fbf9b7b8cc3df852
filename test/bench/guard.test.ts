/**
 * A guard on speed: what a message costs the thread that runs JavaScript, against bare mqtt.js in the same run, and whether every
 * message was counted at the far end. Not a benchmark: `npm run bench` measures.
 *
 * The margins. It is a ratio of CPU times and never a time, nor a rate: other programs, and the other tests beside this one, change how
 * long something takes by a factor, and its CPU time by some tenths, on both sides. A message may cost twice what the targets allow
 * (CELLS); on a machine under load a third of that has been measured. The rest is for other processors and versions of Node.js, and for
 * code that is hardly warm after samples this short. So it does not see some tenths. It sees when batches are gone, when each message takes
 * a call into the addon and a wake-up of its own again, or a timer or a listener is added to each.
 * One sample may be disturbed: the median of three, taken in turn, counts.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import { buildNullBroker } from './null-broker.mjs';
import { takeRate } from './suites/rates.mjs';
import type { RateSample } from './suites/rates.mjs';

/** The targets against mqtt.js. */
const CELLS: [string, number][] = [['publish-q1', 1 / 12], ['receive-q0', 1 / 10], ['receive-q1', 1 / 15]];
const SLACK = 2;
const SAMPLES = 3;
const LONG = 60_000; // of a sample that hangs, its own limit comes first

/** With the number of publishes outstanding that suits each. */
const OURS = { library: 'native', depth: 1000 };
const THEIRS = { library: 'mqttjs', depth: 100 };

const middle = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1]!;

describe.skipIf(process.platform !== 'linux')('main-thread CPU a message (null broker: Linux only)', () => {
  let program: string;

  beforeAll(async () => {
    program = await buildNullBroker();
  });

  const sample = async (cell: string, who: typeof OURS): Promise<RateSample> => {
    const taken = await takeRate(program, { ...who, cell, size: 64, seconds: 0.2, warmUp: 0.15 });
    expect(taken.problems, `${cell}, ${who.library}`).toEqual([]);
    expect(taken.total, `messages of ${cell}, ${who.library}`).toBeGreaterThan(1000);
    return taken;
  };

  test.each(CELLS)('%s: no more than twice the target, nothing lost', async (cell, target) => {
    const ratios: number[] = [];
    for (let i = 0; i < SAMPLES; i++) {
      const ours = await sample(cell, OURS), theirs = await sample(cell, THEIRS);
      // null: a kernel that does not count for a thread, and nothing to compare
      if (typeof ours.mainNs === 'number' && typeof theirs.mainNs === 'number') ratios.push(ours.mainNs / theirs.mainNs);
    }
    if (ratios.length === SAMPLES) expect(middle(ratios)).toBeLessThanOrEqual(target * SLACK);
  }, LONG);
});
