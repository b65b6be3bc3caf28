/** What the explorer's form holds. */
export interface Inputs {
  readonly channel: string;
  readonly type: string;
  /** JSON text. */
  readonly data: string;
  /** A cursor, `earliest` or `latest`. */
  readonly after: string;
  readonly token: string | undefined;
}

export const OPERATIONS = ["publish", "read", "subscribe", "presence"] as const;
export type OperationName = (typeof OPERATIONS)[number];

/** A call over HTTP, whole: what is sent is in it, byte for byte, but for what the client itself adds. */
export interface HttpCall {
  readonly kind: "http";
  readonly method: "GET" | "POST" | "PUT";
  /** With its query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array<ArrayBuffer> | undefined;
  /** The answer goes on until somebody ends it. */
  readonly isStream: boolean;
  /** Reads what came, where it is no text. */
  readonly decode?: Decoder | undefined;
}

/** What to send when something has happened on a connection. */
export interface Step {
  /** Sent at once where it is left out; else when a message came that has this text in it, or is of this kind. */
  readonly after?: string | undefined;
  readonly message: string | Uint8Array<ArrayBuffer>;
}

/** A call over a WebSocket. */
export interface SocketCall {
  readonly kind: "socket";
  readonly path: string;
  readonly protocols: readonly string[];
  /** In their order. */
  readonly steps: readonly Step[];
  /** The connection is closed once this has come; it stays open where it is left out. */
  readonly until?: string | undefined;
  /** A command that does the same, where the frames are binary and no shell writes them. */
  readonly shell?: string | undefined;
  readonly decode?: Decoder | undefined;
}

export type Call = HttpCall | SocketCall;

/** Reads bytes for people: one text for each thing in them. Bytes may come in any pieces, so it remembers. */
export interface Decoder {
  push(bytes: Uint8Array<ArrayBuffer>, direction: "out" | "in"): readonly string[];
}

/** One door, as the explorer uses it. */
export interface ExplorerDoor {
  readonly name: string;
  readonly title: string;
  /** What to know when reading its bytes. */
  readonly note: string;
  /** The name that `everywire sub --via` has for it. */
  readonly via?: string | undefined;
  /** What can be done through it. May be loaded when it is first wanted, where it needs a library. */
  readonly calls: Partial<Readonly<Record<OperationName, (inputs: Inputs) => Call | Promise<Call>>>>;
}

/** The headers that every call over HTTP has. */
export function toHeaders(
  { token }: Inputs,
  headers: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> {
  return token === undefined ? headers : { ...headers, authorization: `Bearer ${token}` };
}

/** A WebSocket cannot set headers in a browser, so its token goes in the URL (CONTRACT §6). */
export function withToken(path: string, { token }: Inputs): string {
  if (token === undefined) return path;
  return `${path}${path.includes("?") ? "&" : "?"}access_token=${encodeURIComponent(token)}`;
}

/** The data of the form. @throws Error where it is no JSON */
export function parseData({ data }: Inputs): unknown {
  try {
    return JSON.parse(data);
  } catch {
    throw new Error('The data is no JSON. A text needs its quotes: "hi".');
  }
}

export function toPath(
  prefix: string,
  { channel }: Inputs,
  query: Readonly<Record<string, string>> = {},
): string {
  const search = new URLSearchParams(query).toString();
  return `${prefix}/${channel}${search === "" ? "" : `?${search}`}`;
}

const JSON_BODY = { "content-type": "application/json" } as const;

export function get(inputs: Inputs, path: string, isStream = false, headers = {}): HttpCall {
  return {
    kind: "http",
    method: "GET",
    path,
    headers: toHeaders(inputs, headers),
    body: undefined,
    isStream,
  };
}

export function postJson(inputs: Inputs, path: string, body: unknown, headers = {}): HttpCall {
  return {
    kind: "http",
    method: "POST",
    path,
    headers: toHeaders(inputs, { ...JSON_BODY, ...headers }),
    body: JSON.stringify(body),
    isStream: false,
  };
}
