import type { Hono } from "hono";
import type { EdgeEnv } from "./boundary/edge.ts";

/** What holds on a door; `/capabilities` and the conformance suite both read this table. */
export interface Guarantees {
  readonly publish: boolean;
  readonly subscribe: boolean;
  /** Goes on from a cursor with nothing lost and nothing twice. */
  readonly resume: boolean;
  readonly ordering: boolean;
  /** A second publish of the same `id` + `source` is stored once. */
  readonly dedupe: boolean;
  /** Carries `data_base64` unchanged. */
  readonly binary: boolean;
  readonly presence: boolean;
  /** Limits are answered in the wire's own way. */
  readonly limits: boolean;
}

/** One protocol: the whole of what `functions/routes.ts` needs to know of a folder. */
export interface Door {
  /** The folder's name. */
  readonly name: string;
  /** One line for the README, the table that `npm start` prints, and `/capabilities`. */
  readonly summary: string;
  /** A command that shows the door, with `{url}` where the base URL goes. */
  readonly example: string;
  /** Undefined for a door that is not a way onto channels. */
  readonly guarantees: Guarantees | undefined;
  mount(app: Hono<EdgeEnv>): void;
}
