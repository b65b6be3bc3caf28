import { randomInt } from "node:crypto";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer, isIPv6 } from "node:net";
import { StartError } from "./start-error.ts";

/** TCP and UDP have ports of their own: a number may be free on one and taken on the other. */
export type PortKind = "tcp" | "udp";

/** Above what well-known services and the defaults of this project use. */
const FIRST_OWN_PORT = 15_000;
const LAST_OWN_PORT = 32_000;
const MAX_TRIES = 50;

/**
 * Listens on a port for a moment. The runtime would fail on a taken port with a stack and a half-started process;
 * this fails before anything is started.
 *
 * @throws StartError
 */
export async function assertPortFree(
  name: string,
  host: string,
  port: number,
  kinds: readonly PortKind[] = ["tcp"],
): Promise<void> {
  try {
    for (const kind of kinds) await take(kind, host, port);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    throw new StartError(`${explain(code, host, port)} Set ${name} (or HOST) to listen elsewhere.`);
  }
}

/**
 * A port that is free now on each of `kinds`, for what has to be told a port before it listens. It is from below the range
 * that systems give to outgoing connections (Linux: 32768 and up), since any connection could take one of those meanwhile.
 *
 * @throws StartError where none of many is free
 */
export async function findFreePort(host: string, kinds: readonly PortKind[] = ["tcp"]): Promise<number> {
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    const port = randomInt(FIRST_OWN_PORT, LAST_OWN_PORT + 1);
    try {
      for (const kind of kinds) await take(kind, host, port);
      return port;
    } catch {
      // Taken: another one will do.
    }
  }
  throw new StartError(`No port of ${FIRST_OWN_PORT} to ${LAST_OWN_PORT} is free on ${host}.`);
}

/** Listens for a moment. */
async function take(kind: PortKind, host: string, port: number): Promise<void> {
  if (kind === "udp") {
    const socket = createSocket(isIPv6(host) ? "udp6" : "udp4");
    try {
      socket.bind({ address: host, port, exclusive: true });
      await once(socket, "listening");
    } finally {
      const closed = once(socket, "close");
      socket.close();
      await closed;
    }
    return;
  }
  const server = createServer();
  server.listen({ host, port, exclusive: true });
  await once(server, "listening");
  server.close();
  await once(server, "close");
}

/** Where what listens on a host is reached from this machine. */
export function toUrl(host: string, port: number): string {
  // A wildcard is where to listen, and no address to connect to.
  if (host === "0.0.0.0" || host === "::") return `http://127.0.0.1:${port}`;
  return host.includes(":") ? `http://[${host}]:${port}` : `http://${host}:${port}`;
}

/**
 * The port of a listener beside the main one: what the environment says, or its usual one, or, where that is taken and
 * nobody insisted on it, any other. So a second server needs no more than a `PORT` of its own.
 *
 * @throws StartError where the environment's is no port, or is taken
 */
export async function chooseSidePort(
  name: string,
  text: string | undefined,
  usual: number,
  host: string,
  kinds: readonly PortKind[] = ["tcp"],
): Promise<number> {
  const port = parsePort(name, text, usual);
  if (text !== undefined && text !== "") {
    if (port !== 0) await assertPortFree(name, host, port, kinds);
    return port;
  }
  try {
    await assertPortFree(name, host, port, kinds);
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
