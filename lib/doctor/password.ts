import type { Readable, Writable } from 'node:stream';
import { createInterface } from 'node:readline';

/** A terminal, or a pipe. */
export type Input = Readable & { isTTY?: boolean; setRawMode?: (raw: boolean) => unknown };

/**
 * The first line of an input, for --ask-password. At a terminal it is asked for, on the error output so that --json stays JSON, and what is
 * typed is not shown. Undefined: the input has ended without a line, or Ctrl+C was pressed.
 */
export async function askPassword(input: Input, output: Writable, prompt: string): Promise<string | undefined> {
  return input.isTTY === true && input.setRawMode !== undefined ? fromTerminal(input, output, prompt) : firstLine(input);
}

async function firstLine(input: Input): Promise<string | undefined> {
  const lines = createInterface({ input, crlfDelay: Infinity });
  try {
    for await (const line of lines) return line;
    return undefined;
  } finally {
    lines.close();
  }
}

function fromTerminal(input: Input, output: Writable, prompt: string): Promise<string | undefined> {
  output.write(prompt);
  input.setRawMode!(true);
  input.setEncoding('utf8');
  return new Promise((resolve) => {
    let typed: string[] = [];
    const done = (result: string | undefined): void => {
      input.off('data', read);
      input.off('end', ended);
      input.setRawMode!(false);
      input.pause();
      output.write('\n');
      resolve(result);
    };
    const ended = (): void => done(undefined);
    const read = (text: string): void => {
      for (const character of text) {
        if (character === '\r' || character === '\n') return done(typed.join(''));
        if (character === '\u0003' || character === '\u0004') return done(undefined);
        if (character === '\u007f' || character === '\b') typed = typed.slice(0, -1);
        else if (character >= ' ') typed.push(character);
      }
    };
    input.on('data', read);
    input.once('end', ended);
  });
}
