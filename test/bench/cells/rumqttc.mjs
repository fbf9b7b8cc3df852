// A sample of rumqttc (../peers/rumqttc): the same cells in Rust.
import { program } from '../peers/rumqttc/build.mjs';
import { runProgram } from './program.mjs';

runProgram(program);
