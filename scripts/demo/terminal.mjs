// Output for a person at a terminal (colours, one line that changes in place) and plain lines for everything else: a pipe, a log, NO_COLOR.

/** @param {import('node:tty').WriteStream} stream */
export function makeTerminal(stream) {
  const live = Boolean(stream.isTTY) && !process.env['NO_COLOR'] && process.env['TERM'] !== 'dumb';
  const paint = (code) => (text) => (live ? `\x1b[${code}m${text}\x1b[0m` : text);
  let open = false; // the changing line is on the screen
  // Who reads from the pipe may stop (`| head`): then the rest is for nobody, and no reason to fail.
  let gone = false;
  stream.on('error', (error) => {
    if (error.code !== 'EPIPE') throw error;
    gone = true;
  });
  const write = (text) => { if (!gone) stream.write(text); };

  const settle = () => {
    if (open) write('\r\x1b[K');
    open = false;
  };
  const line = (text = '') => {
    settle();
    write(text === '' ? '\n' : `  ${text}\n`);
  };
  const bold = paint('1');
  return {
    live, line, settle, bold, dim: paint('2'), good: paint('32'), bad: paint('31'),
    heading(text) {
      settle();
      write(`\n${bold(text)}\n`);
    },
    /** The changing line: what is going on now. Nothing where it could not change. */
    update(text) {
      if (!live) return;
      const width = stream.columns || 80;
      const visible = text.replace(/\x1b\[\d+m/g, '');
      write(`\r\x1b[K  ${visible.length + 2 < width ? text : visible.slice(0, width - 3)}`);
      open = true;
    },
  };
}
