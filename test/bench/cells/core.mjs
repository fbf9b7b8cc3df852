// A sample of the core from C (../core.c): the same cells without JavaScript.
import { fileURLToPath } from 'node:url';
import { runProgram } from './program.mjs';

runProgram(fileURLToPath(new URL('../../../build/test/bench/core', import.meta.url)));
