import { signal } from "@preact/signals";

/** The server that the page came from. */
export const ORIGIN = location.origin;

export interface Capabilities {
  readonly version: string;
  readonly doors: readonly { readonly name: string; readonly summary: string }[];
  readonly limits: Readonly<Record<string, number>>;
  readonly rateLimits: boolean;
  /** Where the gateway is that stands before this server; undefined where none is known. */
  readonly gateway?: Gateway | undefined;
}

/** What a page has to know to open a WebTransport session. */
export interface Gateway {
  readonly url: string;
  /** SHA-256 of its certificate in base64, where no authority signed that. */
  readonly certificateHash?: string | undefined;
}

/** What the server says of itself; undefined until it has said so. */
export const capabilities = signal<Capabilities | undefined>(undefined);

let asked: Promise<Capabilities> | undefined;

/** Asks the server what it offers, once. @throws Error where it does not answer */
export function loadCapabilities(): Promise<Capabilities> {
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
