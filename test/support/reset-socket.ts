/**
 * Ends a TCP connection with RST. Where end() is under way libuv refuses that (`reset EINVAL`), and Node, 26 included, takes the handle for
 * closed all the same: there is no 'close' then, nothing can close it any more, and the process turns for ever in its tear-down. Such a
 * socket has said that it ends and is only destroyed.
 */
import type { Socket } from 'node:net';

/** After this nothing is read or written any more, and 'close' comes. */
export function resetSocket(socket: Socket): void {
  if (socket.writableEnded && !socket.writableFinished) {
    socket.destroy();
  } else {
    socket.resetAndDestroy();
  }
}
