import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";
import { StartError } from "./start-error.ts";

/** Above what well-known services and the defaults of this project use. */
const FIRST_OWN_PORT = 15_000;
const LAST_OWN_PORT = 32_000;

/**
 * Listens on a port for a moment. The runtime would fail on a taken port with a stack and a half-started process;
 * this fails before anything is started.
 *
 * @throws StartError
 */
export async function assertPortFree(name: string, host: string, port: number): Promise<void> {
  const server = createServer();
  try {
    server.listen({ host, port, exclusive: true });
    await once(server, "listening");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    throw new StartError(`${explain(code, host, port)} Set ${name} (or HOST) to listen elsewhere.`);
  }
  server.close();
  await once(server, "close");
}

/**
 * A port that is free now, for what has to be told a port before it listens. It is from below the range that systems give
 * to outgoing connections (RFC 6335 and Linux: 32768 and up), since any connection could take one of those meanwhile.
 *
 * @throws StartError where none of many is free
 */
export async function findFreePort(host: string): Promise<number> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const port = randomInt(FIRST_OWN_PORT, LAST_OWN_PORT + 1);
    const isFree = await assertPortFree("PORT", host, port).then(
      () => true,
      () => false,
    );
    if (isFree) return port;
  }
  throw new StartError(`No port of ${FIRST_OWN_PORT} to ${LAST_OWN_PORT} is free on ${host}.`);
}

/**
 * The port of a listener beside the main one: what the environment says, or its usual one, or, where that is taken and
 * nobody insisted on it, any other. So a second server needs no more than a `PORT` of its own.
 *
 * @throws StartError where the environment's is no port
 */
export async function chooseSidePort(
  name: string,
  text: string | undefined,
  usual: number,
  host: string,
): Promise<number> {
  const port = parsePort(name, text, usual);
  if (text !== undefined && text !== "") return port;
  try {
    await assertPortFree(name, host, port);
    return port;
  } catch {
    return 0;
  }
}

/**
 * Reads a port from the environment.
 *
 * @throws StartError where it is no port
 */
export function parsePort(name: string, text: string | undefined, fallback: number): number {
  if (text === undefined || text === "") return fallback;
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new StartError(`${name} must be a port from 0 to 65535, and is '${text}'.`);
  }
  return port;
}

function explain(code: string, host: string, port: number): string {
  if (code === "EADDRINUSE") return `Port ${port} on ${host} is in use by another process.`;
  if (code === "EACCES") return `Port ${port} on ${host} needs privileges that this process has not.`;
  return `Cannot listen on port ${port} of ${host} (${code}).`;
}
