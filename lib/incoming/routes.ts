import { FilterTree } from './filter-tree.js';
import type { Identifiers } from './identifiers.js';
import type { RoutedSubscription } from './subscription.js';

/** Topics whose routes are remembered. */
const MAX_RECENT = 1024;
const MAX_RECENT_LENGTH = 256;

/** A filter the server has, or is being asked for. */
interface SubscribedFilter {
  readonly filter: string;
  /** Those who have it, in the order in which they came. The last one that leaves it tells the server. */
  readonly holders: Set<RoutedSubscription>;
  /**
   * The Subscription Identifier the server knows it by, 0 being none; and those of SUBSCRIBEs that replace it and are not answered yet, in
   * their order: until then messages come with the one or the other.
   */
  identifiers: number[];
}

/** The subscriptions with a filter that matches and that the server knows by one identifier. */
export interface RouteGroup {
  readonly subscriptions: readonly RoutedSubscription[];
  /** Of the message it was last found for. */
  stamp: number;
}

/** Whom messages of one topic are for. Never changed once made. */
export interface Route {
  /** Each once. */
  readonly subscriptions: readonly RoutedSubscription[];
  /** By identifier, where that makes a difference; undefined: all of them get whatever comes, and there is nothing to be read. */
  readonly groups: ReadonlyMap<number, RouteGroup> | undefined;
}

/** The filters of a client: who has them, and which topics they match. */
export class Routes {
  readonly #filters = new Map<string, SubscribedFilter>();
  readonly #tree = new FilterTree<SubscribedFilter>();
  /** Routes of the last topics: looked up here first, without a call. */
  readonly recent = new Map<string, Route>();

  readonly #identifiers: Identifiers;

  constructor(identifiers: Identifiers) {
    this.#identifiers = identifiers;
  }

  /** The route of a topic that is not among the recent ones. */
  find(topic: string): Route {
    const route = makeRoute(this.#tree.match(topic));
    if (topic.length <= MAX_RECENT_LENGTH) {
      if (this.recent.size === MAX_RECENT) this.recent.clear();
      this.recent.set(topic, route);
    }
    return route;
  }

  add(filters: readonly string[], subscription: RoutedSubscription): void {
    for (const filter of filters) {
      let entry = this.#filters.get(filter);
      if (entry === undefined) {
        entry = { filter, holders: new Set(), identifiers: [] };
        this.#filters.set(filter, entry);
        this.#tree.add(filter, entry);
      }
      entry.holders.add(subscription);
    }
    this.recent.clear();
  }

  remove(filters: readonly string[], subscription: RoutedSubscription): void {
    for (const filter of filters) {
      const entry = this.#filters.get(filter);
      if (entry === undefined || !entry.holders.delete(subscription)) continue;
      if (entry.holders.size === 0) {
        this.#filters.delete(filter);
        this.#tree.remove(filter, entry);
        for (const identifier of entry.identifiers) this.#identifiers.release(identifier);
      } else {
        this.#refused(entry, subscription.identifier);
      }
    }
    this.recent.clear();
  }

  /** SUBSCRIBE is sent: the server will know these filters by this identifier, 0 being none, whatever it was before [MQTT-3.8.4-3]. */
  requested(filters: readonly string[], identifier: number): void {
    for (const filter of filters) {
      const entry = this.#filters.get(filter);
      if (entry === undefined || entry.identifiers.at(-1) === identifier) continue;
      entry.identifiers.push(identifier);
      this.#identifiers.retain(identifier);
    }
    this.recent.clear();
  }

  /** The server has granted these filters: what it knew them by before is history. */
  granted(filters: readonly string[], identifier: number): void {
    for (const filter of filters) {
      const entry = this.#filters.get(filter);
      const at = entry?.identifiers.indexOf(identifier) ?? 0;
      if (entry !== undefined && at > 0) for (const before of entry.identifiers.splice(0, at)) this.#identifiers.release(before);
    }
    this.recent.clear();
  }

  /** A subscription has left the filter. If the server had not granted it, others have it as before. */
  #refused(entry: SubscribedFilter, identifier: number): void {
    const at = entry.identifiers.indexOf(identifier);
    if (at <= 0) return;
    entry.identifiers.splice(at, 1);
    this.#identifiers.release(identifier);
  }

  /** The subscriptions that have a filter. */
  holders(filter: string): RoutedSubscription[] {
    return [...(this.#filters.get(filter)?.holders ?? [])];
  }

  /** Whether only this subscription has the filter. */
  isLastHolder(subscription: RoutedSubscription, filter: string): boolean {
    const holders = this.#filters.get(filter)?.holders;
    return holders !== undefined && holders.size === 1 && holders.has(subscription);
  }
}

function makeRoute(matches: readonly SubscribedFilter[]): Route {
  const all = new Set<RoutedSubscription>();
  const byIdentifier = new Map<number, Set<RoutedSubscription>>();
  let alike = true;
  for (const { holders, identifiers } of matches) {
    alike &&= identifiers.length === 1 && identifiers[0] === matches[0]!.identifiers[0];
    for (const subscription of holders) all.add(subscription);
    for (const identifier of identifiers) {
      let group = byIdentifier.get(identifier);
      if (group === undefined) byIdentifier.set(identifier, (group = new Set()));
      for (const subscription of holders) group.add(subscription);
    }
  }
  const subscriptions = [...all];
  // With one subscription, or one identifier for all, the answer is the same whatever the message carries.
  if (subscriptions.length < 2 || alike) return { subscriptions, groups: undefined };
  const groups = new Map([...byIdentifier].map(([identifier, group]) => [identifier, { subscriptions: [...group], stamp: 0 }]));
  return { subscriptions, groups };
}
