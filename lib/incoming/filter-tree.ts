import { sharedParts } from '../protocol/topic.js';

interface Node<T> {
  readonly children: Map<string, Node<T>>;
  /** The level `+`. */
  any: Node<T> | undefined;
  /** Values of filters that end here. A value stands once for each filter that leads here. */
  readonly values: T[];
  /** Values of filters that end here with `#`. */
  readonly rest: T[];
}

function node<T>(): Node<T> {
  return { children: new Map(), any: undefined, values: [], rest: [] };
}

function isEmpty<T>(n: Node<T>): boolean {
  return n.children.size === 0 && n.any === undefined && n.values.length === 0 && n.rest.length === 0;
}

function removeOne<T>(list: T[], value: T): boolean {
  const at = list.indexOf(value);
  if (at >= 0) list.splice(at, 1);
  return at >= 0;
}

/**
 * Checked filters and what belongs to them, as a tree of levels: finding the matches of a topic takes steps for its levels, not for every
 * filter.
 */
export class FilterTree<T> {
  /** Filters in the tree; one added twice counts twice. */
  size = 0;
  #root: Node<T> = node();

  /** A shared subscription matches by the filter behind its name. */
  add(filter: string, value: T): void {
    let at = this.#root;
    const levels = levelsOf(filter);
    const rest = levels.at(-1) === '#';
    if (rest) levels.pop();
    for (const level of levels) {
      if (level === '+') {
        at = at.any ??= node();
      } else {
        let next = at.children.get(level);
        if (next === undefined) at.children.set(level, (next = node()));
        at = next;
      }
    }
    (rest ? at.rest : at.values).push(value);
    this.size++;
  }

  /** Whether it was there. */
  remove(filter: string, value: T): boolean {
    const levels = levelsOf(filter);
    const rest = levels.at(-1) === '#';
    if (rest) levels.pop();
    const path: Node<T>[] = [this.#root];
    for (const level of levels) {
      const at = path.at(-1)!;
      const next = level === '+' ? at.any : at.children.get(level);
      if (next === undefined) return false;
      path.push(next);
    }
    const last = path.at(-1)!;
    if (!removeOne(rest ? last.rest : last.values, value)) return false;
    this.size--;
    for (let i = levels.length; i > 0 && isEmpty(path[i]!); i--) {
      const level = levels[i - 1]!;
      if (level === '+') path[i - 1]!.any = undefined;
      else path[i - 1]!.children.delete(level);
    }
    return true;
  }

  /** What belongs to the filters that match a topic name, each once. Wildcards do not match the first level of $-topics [MQTT-4.7.2-1]. */
  match(topic: string): T[] {
    const found = new Set<T>();
    let nodes: Node<T>[] = [this.#root];
    let start = 0;
    let first = topic.startsWith('$');
    for (;;) {
      const end = topic.indexOf('/', start);
      const level = end < 0 ? topic.slice(start) : topic.slice(start, end);
      const next: Node<T>[] = [];
      for (const at of nodes) {
        const child = at.children.get(level);
        if (child !== undefined) next.push(child);
        if (!first) {
          if (at.any !== undefined) next.push(at.any);
          for (const value of at.rest) found.add(value);
        }
      }
      nodes = next;
      first = false;
      if (end < 0 || nodes.length === 0) break;
      start = end + 1;
    }
    for (const at of nodes) {
      for (const value of at.values) found.add(value);
      // `a/#` matches `a` too (4.7.1.2).
      for (const value of at.rest) found.add(value);
    }
    return [...found];
  }
}

function levelsOf(filter: string): string[] {
  return (sharedParts(filter)?.filter ?? filter).split('/');
}
