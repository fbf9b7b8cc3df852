#!/usr/bin/env node
/** The command `mqtt-native`: `npx mqtt-native doctor [url]`. */
import { runCommand } from './doctor/doctor.js';

// A look-up of a name that never ends would keep the process alive behind the report.
// What was written is out first: a pipe of Windows takes it later.
void runCommand(process.argv.slice(2), process).then((code) => process.stdout.write('', () => process.exit(code)));
