// A sample of a library that has a program of its own instead of a file in libraries/: runs it, and checks what it counted against the
// broker's counters. ../core.c says what such a program is told and what it prints.
import { execFileSync } from 'node:child_process';
import { expectPublished, expectReceived } from './expect.mjs';

export function runProgram(program) {
  const { cell, port, seconds, warmUp, size, depth } = JSON.parse(process.argv[2]);
  const out = execFileSync(program, [cell, port, seconds, warmUp, size, depth].map(String), { encoding: 'utf8' });
  const { wrong, failure, report, ...result } = JSON.parse(out);
  const problems = [];
  const qos = Number(/q([012])/.exec(cell)[1]);
  if (failure !== '') problems.push(`the connection ended: ${failure}`);
  if (wrong > 0) problems.push(`${wrong} publishes failed or messages did not have the sequence number expected`);
  if (cell.startsWith('publish')) expectPublished(problems, report?.connection ?? {}, { total: result.total, size, qos });
  else expectReceived(problems, report?.connection ?? {}, { total: result.total, qos });
  console.log(JSON.stringify({ ...result, problems, report: report?.connection }));
}
