import { computed, signal } from "@preact/signals";
import { capabilities, ORIGIN, toError } from "./server.ts";

const KEY = "everywire.token";

export interface Session {
  readonly token: string;
  /** The token's `sub`: who one is in `users/{id}`. */
  readonly userId: string;
  readonly name: string;
  readonly roles: readonly string[];
  readonly expiresAtMs: number;
}

/** Who is signed in; kept until the tab is closed, so that two tabs can be two people. */
export const session = signal<Session | undefined>(restore());
/** Whether the server gives tokens to whoever asks (`DEV_AUTH`); undefined until it has said so. */
export const hasDevAuth = computed(() => capabilities.value?.devAuth);

function restore(): Session | undefined {
  try {
    const token = sessionStorage.getItem(KEY);
    const kept = token === null ? undefined : parseToken(token);
    return kept !== undefined && kept.expiresAtMs > Date.now() ? kept : undefined;
  } catch {
    return undefined;
  }
}

/** Signs in with a token for development. @throws ServerError */
export async function signIn(name: string, roles: readonly string[] = []): Promise<Session> {
  const response = await fetch(`${ORIGIN}/auth/token`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ name, roles }),
  });
  if (!response.ok) throw await toError(response);
  const { token } = (await response.json()) as { token: string };
  return acceptToken(token);
}

/** Signs in with a token that one has. @throws Error where it is no JWT, or has ended */
export function acceptToken(token: string): Session {
  const parsed = parseToken(token.trim());
  if (parsed === undefined) throw new Error("This is no JSON Web Token.");
  if (parsed.expiresAtMs <= Date.now()) throw new Error("This token has expired.");
  session.value = parsed;
  try {
    sessionStorage.setItem(KEY, parsed.token);
  } catch {
    // It then holds until the page is left.
  }
  return parsed;
}

export function signOut(): void {
  session.value = undefined;
  try {
    sessionStorage.removeItem(KEY);
  } catch {
    // There was nothing to remove.
  }
}

/** Reads a token's claims, to show them. Whether it is good only the server can say. */
function parseToken(token: string): Session | undefined {
  try {
    const payload = token.split(".")[1] ?? "";
    const bytes = Uint8Array.from(atob(payload.replaceAll("-", "+").replaceAll("_", "/")), (c) =>
      c.charCodeAt(0),
    );
    const claims = JSON.parse(new TextDecoder().decode(bytes)) as {
      sub?: string;
      name?: string;
      roles?: string[];
      exp?: number;
    };
    if (claims.sub === undefined) return undefined;
    return {
      token,
      userId: claims.sub,
      name: claims.name ?? claims.sub,
      roles: claims.roles ?? [],
      expiresAtMs: claims.exp === undefined ? Number.POSITIVE_INFINITY : claims.exp * 1000,
    };
  } catch {
    return undefined;
  }
}
