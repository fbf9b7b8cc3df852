#!/usr/bin/env node
/** The command `mqtt-native`: `npx mqtt-native doctor [url]`. */
import { runCommand } from './doctor/doctor.js';

// `| head` has read what it wanted: that is no error. A full disk is one, and nobody may take half a report for a whole one.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') return;
  process.stderr.write(`mqtt-native: ${error.message}\n`, () => process.exit(1));
});
process.stderr.on('error', () => undefined);

// A look-up of a name that never ends would keep the process alive behind the report.
// What was written is out first: a pipe of Windows takes it later.
void runCommand(process.argv.slice(2), process).then((code) => process.stdout.write('', () => process.exit(code)));
