// What runs in a sample's process: a scenario gets its plan and the library it is to use, and its result is printed as one line of JSON.

/**
 * @typedef {object} Library A connected client of one of the libraries, as ../libraries/ wraps it: each file there exports open(plan).
 * @property {{ name: string, version: string }} about What is connected. plan.port says where, plan.ca (PEM, trusted) that it is over TLS.
 * @property {(topic: string, payload: Uint8Array, qos: number) => Promise<unknown>} publish
 * @property {(writer: Writer) => Promise<void>} write Publishes at QoS 0, or the writer's, without promises until running() says no; waits
 *   where the library says so.
 * @property {(listener: (payload: Uint8Array) => void) => () => void} onPayload The library's own event; returns how to stop.
 * @property {(listener: (topic: string, payload: Uint8Array) => void) => () => void} onMessage The same with the topic.
 * @property {(filter: string, qos: number, count: (payload: Uint8Array) => void, compare: (topic: string, payload: Uint8Array) => void) =>
 *   Promise<() => void>} [loop] Subscribes and reads with `for await`: calls `count` with each payload, and `compare` once the function it
 *   resolves to was called. Where a library has no such loop its event takes part.
 * @property {(filter: string, qos: number, handler: (payload: Uint8Array) => void | Promise<void>) => Promise<unknown>} [handle]
 *   Subscribes; a message is acknowledged when what its handler returned has settled.
 * @property {(filter: string, qos: number, handler: (payload: Uint8Array) => Promise<void>) => Promise<unknown>} [handleInLoop] The same
 *   with `for await`, one message after the other. Where a library has no such loop handle() takes part.
 * @property {(filter: string, qos: number, listener: (topic: string, payload: Uint8Array) => void) => Promise<unknown>} [listen]
 *   Subscribes with a listener of its own. Where a library has no such thing its event takes part.
 * @property {(filter: string, qos: number) => Promise<unknown>} subscribe
 * @property {(filter: string) => Promise<unknown>} unsubscribe
 * @property {() => Promise<unknown>} close
 * @property {boolean} [lingers] Threads of its own keep the process alive after close().
 * @property {boolean} [copies] A payload belongs to the caller again as soon as publish() has returned.
 * @property {number} [heldBytes] Payload bytes that the library may still refer to when a publish at QoS 0 has settled.
 */

/**
 * @typedef {object} Writer
 * @property {string} topic
 * @property {0 | 1} [qos]
 * @property {number} lanes The depth, where the library needs one.
 * @property {() => boolean} running
 * @property {() => Uint8Array} next The next payload.
 * @property {() => void} written A message has been taken.
 * @property {() => boolean} starved The event loop has not turned for a while: wait for setImmediate().
 */

/**
 * @param {(open: (plan: object) => Promise<Library>, plan: object) => Promise<{ problems: string[] }>} scenario `open` makes a client of
 *   the library that the plan names, connected to the plan's port. What it resolves to is the sample; an empty list of problems says that
 *   every message was accounted for.
 */
export async function runScenario(scenario) {
  const plan = JSON.parse(process.argv[2]);
  const { open } = await import(new URL(`../libraries/${plan.library}`, import.meta.url));
  let lingers = false;
  const result = await scenario(async (about) => {
    const library = await open(about);
    lingers = library.lingers ?? false;
    return library;
  }, plan);
  console.log(JSON.stringify(result));
  if (lingers) process.exit(); // not what is measured
}
