import { ORIGIN, toError } from "./server.ts";
import { session, signOut } from "./session.ts";

export interface Answer<T> {
  readonly status: number;
  readonly body: T;
}

/**
 * One request to the server's own API, as whoever is signed in.
 *
 * @throws ServerError where the server refuses
 */
export async function api<T>(method: string, path: string, body?: unknown): Promise<Answer<T>> {
  const { token } = session.value ?? {};
  const response = await fetch(`${ORIGIN}${path}`, {
    method,
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (response.status === 401 && token !== undefined) signOut();
  if (!response.ok) throw await toError(response);
  const text = await response.text();
  return { status: response.status, body: (text === "" ? undefined : JSON.parse(text)) as T };
}
