// A sample of the core from C (../core.c): the same cells without JavaScript. This process only starts the program and checks the
// broker's counters.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expectPublished, expectReceived } from './expect.mjs';

const { cell, port, seconds, warmUp, size, depth } = JSON.parse(process.argv[2]);
const program = fileURLToPath(new URL('../../../build/test/bench/core', import.meta.url));
const out = execFileSync(program, [cell, port, seconds, warmUp, size, depth].map(String), { encoding: 'utf8' });
const { wrong, failure, report, ...result } = JSON.parse(out);
const problems = [];
const qos = Number(/q([012])/.exec(cell)[1]);
if (failure !== '') problems.push(`the connection ended: ${failure}`);
if (wrong > 0) problems.push(`${wrong} publishes failed or messages did not have the sequence number expected`);
if (cell.startsWith('publish')) expectPublished(problems, report?.connection ?? {}, { total: result.total, size, qos });
else expectReceived(problems, report?.connection ?? {}, { total: result.total, qos });
console.log(JSON.stringify({ ...result, problems, report: report?.connection }));
