/** The gateway's named limits. Every one is settable by an environment variable of the same name. */
export interface GatewayLimits {
  /** Connections of clients, on each listener. */
  readonly MAX_GATEWAY_CONNECTIONS: number;
  /** Requests under way on one connection, on HTTP/2 and HTTP/3. */
  readonly MAX_CONNECTION_STREAMS: number;
  /** Requests under way towards the Worker, WebSockets among them; one more is answered `unavailable`. */
  readonly MAX_UPSTREAM_REQUESTS: number;
  /** All the header fields of one request, in bytes. */
  readonly MAX_HEADER_BYTES: number;
  /** Seconds that a client may take for the handshake of TLS, and for the header of a request on HTTP/1.1. */
  readonly HEADERS_TIMEOUT_SECONDS: number;
  /** Seconds from the end of a request until the Worker's answer begins. */
  readonly RESPONSE_TIMEOUT_SECONDS: number;
  /** Seconds after which a silent connection is asked whether it is still there; ended where it does not say so. */
  readonly KEEPALIVE_SECONDS: number;
  /** WebTransport sessions on one connection. */
  readonly MAX_CONNECTION_SESSIONS: number;
  /** Streams that a client has open in one WebTransport session. */
  readonly MAX_SESSION_STREAMS: number;
  /** Subscriptions in one WebTransport session. */
  readonly MAX_SESSION_SUBSCRIPTIONS: number;
  /** One message on a WebTransport stream, in bytes. */
  readonly MAX_SESSION_MESSAGE_BYTES: number;
  /** Latest values that wait to be published, in one WebTransport session; the newest of each key is kept. */
  readonly MAX_LATEST_VALUES: number;
  /** Leases over UDP, of all readers together. */
  readonly MAX_UDP_LEASES: number;
  /** Leases over UDP of one host. */
  readonly MAX_UDP_HOST_LEASES: number;
  /** Identities that publish over UDP at the same time; each has one connection to the Worker. */
  readonly MAX_UDP_PUBLISHERS: number;
  /** Datagrams each second from one host; what comes beyond it is not answered. */
  readonly UDP_DATAGRAMS_PER_SECOND: number;
  /** Seconds for which a subscription over UDP lasts without being renewed. */
  readonly UDP_LEASE_SECONDS: number;
}

const KIB = 1024;

export const DEFAULT_LIMITS: GatewayLimits = {
  MAX_GATEWAY_CONNECTIONS: 4096,
  MAX_CONNECTION_STREAMS: 256,
  MAX_UPSTREAM_REQUESTS: 4096,
  MAX_HEADER_BYTES: 32 * KIB,
  HEADERS_TIMEOUT_SECONDS: 15,
  RESPONSE_TIMEOUT_SECONDS: 120,
  KEEPALIVE_SECONDS: 30,
  MAX_CONNECTION_SESSIONS: 16,
  MAX_SESSION_STREAMS: 64,
  MAX_SESSION_SUBSCRIPTIONS: 64,
  MAX_SESSION_MESSAGE_BYTES: 1024 * KIB,
  MAX_LATEST_VALUES: 256,
  MAX_UDP_LEASES: 1024,
  MAX_UDP_HOST_LEASES: 256,
  MAX_UDP_PUBLISHERS: 256,
  UDP_DATAGRAMS_PER_SECOND: 5000,
  UDP_LEASE_SECONDS: 30,
};

export const LIMIT_NAMES = Object.keys(DEFAULT_LIMITS) as readonly (keyof GatewayLimits)[];
