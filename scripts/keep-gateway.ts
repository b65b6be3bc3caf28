import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import type { GatewayOptions, GatewayPortName, RunningGateway } from "./gateway.ts";
import { describeGateway, GATEWAY_PORTS, startGateway } from "./gateway.ts";
import { chooseSidePort, findFreePort } from "./port.ts";
import { StartError } from "./start-error.ts";

const FIRST_PAUSE_MS = 200;
const LAST_PAUSE_MS = 10_000;
/** One that ran for so long and ends is no fault that repeats itself. */
const STEADY_MS = 60_000;

export interface KeptGateway {
  /** The gateway, when it listens; or why it does not run, which its user may mend. */
  readonly started: Promise<RunningGateway | StartError>;
  stop(): Promise<void>;
}

/** Whether the environment wants a gateway: unless it says no. @throws StartError where it says neither */
export function wantsGateway({ GATEWAY }: NodeJS.ProcessEnv): boolean {
  if (GATEWAY === undefined || GATEWAY === "" || GATEWAY === "on") return true;
  if (GATEWAY === "off") return false;
  throw new StartError(`GATEWAY is 'on' or 'off', and is '${GATEWAY}'.`);
}

/**
 * Where the gateway is to listen: a port that somebody named, or its usual one, or any other where that is taken.
 *
 * @throws StartError where a port that somebody named is taken
 */
export async function chooseGatewayPorts(
  environment: NodeJS.ProcessEnv,
  host: string,
): Promise<Record<GatewayPortName, number>> {
  const choose = async (name: GatewayPortName) => {
    const { usual, kinds } = GATEWAY_PORTS[name];
    const port = await chooseSidePort(name, environment[name], usual, host, kinds);
    return port === 0 ? findFreePort(host, kinds) : port;
  };
  return {
    TLS_PORT: await choose("TLS_PORT"),
    GRPC_PORT: await choose("GRPC_PORT"),
    GATEWAY_HEALTH_PORT: await choose("GATEWAY_HEALTH_PORT"),
    UDP_PORT: await choose("UDP_PORT"),
  };
}

/**
 * Starts the gateway, and starts it again, on the same ports, where it ends by itself. Where it cannot be started at all, that
 * is told and nothing else: the Worker has every other door.
 */
export function keepGateway(options: GatewayOptions): KeptGateway {
  let running: RunningGateway | undefined;
  let isStopping = false;
  const started = startGateway(options).catch((error: unknown) =>
    error instanceof StartError ? error : new StartError(String(error)),
  );
  const keep = async () => {
    const first = await started;
    if (first instanceof StartError) return;
    running = first;
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(LAST_PAUSE_MS, pauseMs * 2)) {
      if (isStopping) return running?.stop();
      const sinceMs = Date.now();
      if (running !== undefined) await untilExit(running);
      if (isStopping) return;
      if (Date.now() - sinceMs > STEADY_MS) pauseMs = FIRST_PAUSE_MS;
      console.error(`The gateway ended by itself, and is started again in ${pauseMs} ms.`);
      await delay(pauseMs);
      running = await startGateway({ ...options, ports: first.ports }).catch((error: unknown) => {
        console.error(String(error));
        return undefined;
      });
    }
  };
  const kept = keep();
  return {
    started,
    async stop() {
      isStopping = true;
      await running?.stop();
      // One that is just starting ends with this process.
      if (running !== undefined) await Promise.race([kept, delay(LAST_PAUSE_MS, undefined, { ref: false })]);
    },
  };
}

async function untilExit({ process: { exitCode, signalCode }, process }: RunningGateway): Promise<void> {
  if (exitCode === null && signalCode === null) await once(process, "exit");
}

/** What the gateway adds is told when it listens; without it every door of the Worker is there all the same. */
export async function tellOfGateway(gateway: KeptGateway | undefined, host: string): Promise<void> {
  if (gateway === undefined) return console.log("GATEWAY=off: no gRPC, HTTP/2, HTTP/3, WebTransport or UDP.");
  const started = await gateway.started;
  if (!(started instanceof StartError)) return console.log(describeGateway(started, host));
  console.error(
    `The gateway does not run, so there is no gRPC, HTTP/2, HTTP/3, WebTransport or UDP: ${started.message}\n` +
      "Every door of the Worker is there without it. GATEWAY=off leaves it out.",
  );
}
