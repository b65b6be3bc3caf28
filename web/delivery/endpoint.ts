/** Somebody's HTTP server that is told of events, as the server describes it. */
export interface Endpoint {
  readonly id: string;
  readonly url: string;
  readonly channels: readonly string[];
  readonly types: readonly string[];
  readonly enabled: boolean;
  readonly disabledReason: string | null;
}
