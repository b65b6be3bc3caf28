import type { Dispatcher } from "../dispatcher.ts";
import type { Publisher } from "../publisher.ts";
import type { Store } from "../store/store.ts";

/** What the routes work with. */
export interface Account {
  readonly store: Store;
  readonly publisher: Publisher;
  readonly dispatcher: Dispatcher;
  /** Whether schedules may have a field of seconds. */
  readonly withCronSeconds: boolean;
}
