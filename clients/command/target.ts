import type { Arguments } from "./command.ts";
import { UsageError } from "./usage-error.ts";

/** The server's ports beside its own, by the names and defaults of `npm start`. */
export const PORTS = {
  TCP_PORT: 7101,
  UDP_PORT: 7102,
  MQTT_PORT: 7183,
  GRPC_PORT: 50_051,
  TLS_PORT: 8443,
  GATEWAY_HEALTH_PORT: 7105,
} as const;
export type PortName = keyof typeof PORTS;

/** A server, and who one is to it. */
export interface Target {
  /** The ports that the environment names. The server may say where the others are. */
  readonly givenPorts: readonly PortName[];
  /** Without a slash at the end. */
  readonly url: string;
  readonly hostname: string;
  readonly token: string | undefined;
  readonly ports: Readonly<Record<PortName, number>>;
}

/**
 * Finds the server from the options and the environment.
 *
 * @throws UsageError where what is given is no address or no port
 */
export function toTarget(words: Arguments, environment: NodeJS.ProcessEnv): Target {
  const given =
    words.get("url") || environment.EVERYWIRE_URL || `http://127.0.0.1:${environment.PORT || 8787}`;
  const url = URL.canParse(given) ? new URL(given) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw new UsageError(`'${given}' is no address of a server: http://host:port.`);
  }
  const ports = Object.entries(PORTS).map(([name, usual]) => [name, toPort(name, environment[name], usual)]);
  return {
    url: url.href.replace(/\/+$/, ""),
    hostname: url.hostname.replace(/^\[(.*)\]$/, "$1"),
    token: words.get("token") || environment.EVERYWIRE_TOKEN || undefined,
    ports: Object.fromEntries(ports) as Target["ports"],
    givenPorts: Object.keys(PORTS).filter((name): name is PortName => Boolean(environment[name])),
  };
}

/** A command of the guide, with this server's address and ports in it. */
export function fillExample(example: string, { url, hostname, ports }: Target): string {
  return example
    .replaceAll("{url}", url)
    .replaceAll("{ws}", url.replace(/^http/, "ws"))
    .replaceAll("{host}", hostname)
    .replace(/\{([A-Z_]+)\}/g, (whole, name: string) => String(ports[name as PortName] ?? whole));
}

function toPort(name: string, text: string | undefined, usual: number): number {
  if (text === undefined || text === "") return usual;
  const port = Number(text);
  if (Number.isInteger(port) && port > 0 && port < 65_536) return port;
  throw new UsageError(`${name} is a port, and not '${text}'.`);
}
