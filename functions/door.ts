import type { Hono } from "hono";
import type { EverywireError } from "../core/error.ts";
import type { TcpPortName } from "../core/settings.ts";
import type { Edge, EdgeContext, EdgeEnv } from "./boundary/edge.ts";

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

const MATRIX = "tests/conformance/matrix.test.ts";

/** The test that proves each guarantee, on every door that claims it: its file, and its title. */
export const PROOFS = {
  publish: [MATRIX, "is read live, whole and in order, with the sequence that the publisher was told"],
  subscribe: [MATRIX, "is read live, whole and in order, with the sequence that the publisher was told"],
  ordering: [MATRIX, "is read live, whole and in order, with the sequence that the publisher was told"],
  resume: [MATRIX, "misses nothing and repeats nothing after it was cut in the middle"],
  dedupe: [MATRIX, "is stored once, and the second publisher is told the first one's sequence"],
  binary: [MATRIX, "carries bytes unchanged"],
  presence: [
    "tests/conformance/presence.test.ts",
    "shows who is there, and tells the others who came and left",
  ],
  limits: [MATRIX, "refuses an event that is too large, stores nothing of it, and goes on"],
} as const satisfies Record<keyof Guarantees, readonly [file: string, title: string]>;

/** A door's own TCP listener, told from the others by its port. */
export interface TcpEntrance {
  readonly port: TcpPortName;
  /** Resolves when the connection is over. It may reject: that is logged, and the connection is cut. */
  serve(edge: Edge, socket: Socket): Promise<void>;
}

/**
 * What a door can rest on beside the channels, which are always there: each is a file of `composition/`, with the state and
 * the services that come with it.
 */
export type PartName = "records" | "queue" | "jobs" | "graphql-sockets" | "mqtt" | "webhooks";

/** One protocol: the whole of what `functions/routes.ts` needs to know of a folder. */
export interface Door {
  /** The folder's name. */
  readonly name: string;
  /** One line for the README, the table that `npm start` prints, and `/capabilities`. */
  readonly summary: string;
  /** A command that shows the door, with `{url}` (or `{ws}`, for `ws:`) where the base URL goes, `{host}` and `{TCP_PORT}`. */
  readonly example: string;
  /** Undefined for a door that is not a way onto channels. */
  readonly guarantees: Guarantees | undefined;
  /** What it cannot be without. A Worker that is built with some doors has what those need, and no more. */
  readonly needs: readonly PartName[];
  /** Other doors, by name, each with what this one is without it: told to who builds it without. */
  readonly wants?: Readonly<Record<string, string>>;
  mount(app: Hono<EdgeEnv>): void;
  /** Where the door takes TCP connections too. */
  readonly tcp?: TcpEntrance;
  /**
   * Answers what the boundary refused before the door ran (a bad token, a rate) in the wire's own way; undefined where
   * the request is not for this door. Left out, the answer is an HTTP error with the body of CONTRACT §3.
   */
  refuse?(c: EdgeContext, error: EverywireError): Promise<Response> | undefined;
}
