/** What is closed when a signal comes. */
export interface Closable {
  close(): Promise<void>;
}

/** Clients by the signal they are closed at, for the whole process. */
const clients = new Map<NodeJS.Signals, Set<Closable>>();
/** The signals whose clients are being closed. */
const atWork = new Set<NodeJS.Signals>();

/**
 * A second signal while clients are still being closed does not wait for them.
 *
 * Whether somebody else listens is asked when the signal comes, before the others have heard of it: a listener of once() is gone
 * afterwards, and the process would be ended although the application had taken the signal on itself.
 */
function onSignal(signal: NodeJS.Signals): void {
  const alone = process.listenerCount(signal) === 1;
  const open = clients.get(signal);
  if (open === undefined) return;
  if (atWork.has(signal)) {
    if (alone) goOn(signal);
    return;
  }
  atWork.add(signal);
  void Promise.allSettled([...open].map((client) => client.close())).then(() => {
    if (!atWork.delete(signal)) return;
    if (alone) goOn(signal);
    else if (clients.get(signal)?.size === 0) forget(signal);
  });
}

function forget(signal: NodeJS.Signals): void {
  clients.delete(signal);
  process.removeListener(signal, onSignal);
}

/** The signal once more, without this listener: what it would have done. */
function goOn(signal: NodeJS.Signals): void {
  atWork.delete(signal);
  forget(signal);
  process.kill(process.pid, signal);
}

/**
 * From now on the client is closed at one of these signals; call what is returned when it is closed or has nothing to close. There is one
 * listener a signal while it has clients; it keeps nothing alive.
 */
export function closeOnSignals(signals: readonly NodeJS.Signals[], client: Closable): () => void {
  for (const signal of signals) {
    let those = clients.get(signal);
    if (those === undefined) {
      clients.set(signal, (those = new Set()));
      process.prependListener(signal, onSignal);
    }
    those.add(client);
  }
  return () => {
    for (const signal of signals) {
      const those = clients.get(signal);
      if (those?.delete(client) !== true || those.size > 0 || atWork.has(signal)) continue;
      forget(signal);
    }
  };
}
