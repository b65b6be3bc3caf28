import { signal } from "@preact/signals";

/** The server that the page came from. */
export const ORIGIN = location.origin;

export interface Capabilities {
  readonly version: string;
  readonly doors: readonly { readonly name: string; readonly summary: string }[];
  /** The names of all doors that there are. */
  readonly mounted: readonly string[];
  readonly limits: Readonly<Record<string, number>>;
  readonly rateLimits: boolean;
  /** Whether `POST /auth/token` gives tokens to whoever asks (`DEV_AUTH`). */
  readonly devAuth: boolean;
  readonly gateway?: Gateway | undefined;
}

/** The process before the server that has HTTP/3 (gateway/README.md). */
interface Gateway {
  readonly status: "ok" | "off" | "unavailable";
  readonly ports?: { readonly TLS_PORT: number };
  readonly http?: readonly string[];
  /** SHA-256 of its certificate in base64. */
  readonly certificateHash?: string;
}

/** What a page has to know to open a WebTransport session. */
export interface SessionTarget {
  readonly url: string;
  readonly certificateHash: string | undefined;
}

/** Where WebTransport sessions are taken; undefined where nothing is known to take them now. */
export function findSessionTarget({ gateway }: Capabilities): SessionTarget | undefined {
  if (gateway?.status !== "ok" || gateway.ports === undefined || !gateway.http?.includes("3"))
    return undefined;
  // The gateway's certificate for development names localhost, and browsers try that name over QUIC first.
  const host = location.hostname === "127.0.0.1" ? "localhost" : location.hostname;
  return { url: `https://${host}:${gateway.ports.TLS_PORT}/wt`, certificateHash: gateway.certificateHash };
}

/** What the server says of itself; undefined until it has said so. */
export const capabilities = signal<Capabilities | undefined>(undefined);

/** The server's door behind each wire that has a name of its own here. */
const DOOR_OF: Readonly<Record<string, string>> = {
  "graphql-sse": "graphql",
  "graphql-ws": "graphql",
  "graphql-socket": "graphql",
  "grpc-web": "connect",
  ndjson: "stream",
  webtransport: "tcp",
};

/** Whether the server was built with a door, or with the one behind a wire. Until it has said so, it is taken to be whole. */
export function hasDoor(name: string): boolean {
  return capabilities.value?.mounted.includes(DOOR_OF[name] ?? name) ?? true;
}

let asked: Promise<Capabilities> | undefined;

/** Asks the server what it offers, if it was not asked before. @throws Error where it does not answer */
export function loadCapabilities(): Promise<Capabilities> {
  // The gateway starts beside the server, and may be a little later.
  if (capabilities.peek()?.gateway?.status === "unavailable") asked = undefined;
  asked ??= fetch("/capabilities").then(async (response) => {
    if (!response.ok) throw await toError(response);
    capabilities.value = (await response.json()) as Capabilities;
    return capabilities.value;
  });
  // A failure is asked again the next time.
  asked.catch(() => {
    asked = undefined;
  });
  return asked;
}

/** An error as the server told it (CONTRACT §3), with its code. */
export class ServerError extends Error {
  override readonly name = "ServerError";
  readonly code: string;
  readonly status: number;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** Reads a refusal. */
export async function toError(response: Response): Promise<ServerError> {
  const body: unknown = await response.json().catch(() => undefined);
  const { message, code, details } =
    (body as { error?: { message?: string; code?: string; details?: unknown } } | undefined)?.error ?? {};
  const fields =
    typeof details === "object" && details !== null
      ? Object.entries(details).map(([name, texts]) => `${name} ${[texts].flat().join(", ")}`)
      : [];
  const text = [message ?? `The server answered ${response.status}.`, ...fields].join(" ");
  return new ServerError(response.status, code ?? "internal", text);
}

/** What to show of anything that was thrown. */
export function toMessage(thrown: unknown): string {
  if (thrown instanceof TypeError) return "The server cannot be reached.";
  return thrown instanceof Error ? thrown.message : String(thrown);
}
