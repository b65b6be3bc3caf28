/** How much goes through the process that has HTTP/3: it says so in lines of JSON. */
export interface Http3Report {
  readonly requests: number;
  readonly upstream: number;
  readonly connections: number;
  /** Of WebTransport. */
  readonly sessions: number;
}
