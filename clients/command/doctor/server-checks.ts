import { EverywireError } from "../../typescript/error.ts";
import { request } from "../http.ts";
import type { Target } from "../target.ts";
import type { Check } from "./check.ts";
import { reasonOf } from "./check.ts";
import { exchange, MQTT_CONNECT } from "./exchange.ts";

const START = "npx everywire serve";

/** What the Worker's own ports say. */
export async function checkServer(target: Target, signal: AbortSignal): Promise<readonly Check[]> {
  const health = await checkHealth(target, signal);
  if (health.status !== "ok") return [health];
  return [
    health,
    ...(await Promise.all([
      checkReady(target, signal),
      checkDoors(target, signal),
      checkToken(target, signal),
      checkTcp(target),
      checkMqtt(target),
    ])),
  ];
}

async function checkHealth(target: Target, signal: AbortSignal): Promise<Check> {
  const check = { group: "server", name: "worker", isRequired: true } as const;
  try {
    const startedMs = performance.now();
    await request(target, "/health", { signal });
    const ms = (performance.now() - startedMs).toFixed(0);
    return { ...check, status: "ok", detail: `${target.url} answers in ${ms} ms` };
  } catch (thrown) {
    const isElsewhere = EverywireError.from(thrown).isTold;
    const detail = `${target.url}: ${reasonOf((thrown as Error).cause ?? thrown)}`;
    const remedy = isElsewhere ? "Is it Everywire? Set EVERYWIRE_URL." : `${START}, or set EVERYWIRE_URL`;
    return { ...check, status: isElsewhere ? "failed" : "missing", detail, remedy };
  }
}

async function checkReady(target: Target, signal: AbortSignal): Promise<Check> {
  const check = { group: "server", name: "ready", isRequired: true } as const;
  const response = await fetch(`${target.url}/ready`, { signal });
  const { dependencies = {} } = (await response.json()) as {
    readonly dependencies?: Readonly<Record<string, string>>;
  };
  const detail = Object.entries(dependencies)
    .map(([name, state]) => `${name} ${state}`)
    .join(", ");
  if (response.ok) return { ...check, status: "ok", detail };
  return { ...check, status: "failed", detail, remedy: "The server's own log says why." };
}

async function checkDoors(target: Target, signal: AbortSignal): Promise<Check> {
  const check = { group: "server", name: "doors", isRequired: true } as const;
  try {
    const response = await request(target, "/capabilities", { signal });
    const { version, doors } = (await response.json()) as {
      readonly version: string;
      readonly doors: readonly { readonly name: string }[];
    };
    return {
      ...check,
      status: "ok",
      detail: `version ${version}: ${doors.map(({ name }) => name).join(", ")}`,
    };
  } catch (thrown) {
    return {
      ...check,
      status: "failed",
      detail: reasonOf(thrown),
      remedy: "Is it Everywire? Set EVERYWIRE_URL.",
    };
  }
}

async function checkToken(target: Target, signal: AbortSignal): Promise<Check> {
  const check = { group: "server", name: "token" } as const;
  if (target.token === undefined) {
    const remedy =
      "export EVERYWIRE_TOKEN=$(npx everywire token ada), where the server runs with DEV_AUTH=true";
    return {
      ...check,
      status: "off",
      detail: "none: channels that need no token (demo/**) are open",
      remedy,
    };
  }
  try {
    // A bad token is refused on every path; whoever has a good one may list.
    await request(target, "/channels", { query: { limit: 1 }, signal });
    return { ...check, status: "ok", detail: "is taken" };
  } catch (thrown) {
    const { code, message } = EverywireError.from(thrown);
    const remedy = "Get another: npx everywire token ada";
    return { ...check, status: "failed", detail: `${code}: ${message}`, remedy };
  }
}

async function checkTcp({ hostname: host, ports }: Target): Promise<Check> {
  const port = ports.TCP_PORT;
  const check = { group: "server", name: "tcp", isRequired: false } as const;
  try {
    const answer = String(await exchange({ host, port }, '{"op":"ping"}\n'));
    if (answer.includes('"pong"')) return { ...check, status: "ok", detail: `lines on port ${port}` };
    return { ...check, status: "failed", detail: `port ${port} answers, and not as Everywire: set TCP_PORT` };
  } catch (thrown) {
    return {
      ...check,
      status: "missing",
      detail: `port ${port}: ${reasonOf(thrown)}`,
      remedy: "Set TCP_PORT to what the server printed.",
    };
  }
}

async function checkMqtt({ hostname: host, ports }: Target): Promise<Check> {
  const port = ports.MQTT_PORT;
  const check = { group: "server", name: "mqtt" } as const;
  try {
    const [kind] = await exchange({ host, port }, MQTT_CONNECT);
    if (kind === 0x20) return { ...check, status: "ok", detail: `MQTT on port ${port}` };
    return { ...check, status: "failed", detail: `port ${port} answers, and not in MQTT: set MQTT_PORT` };
  } catch (thrown) {
    return {
      ...check,
      status: "missing",
      detail: `port ${port}: ${reasonOf(thrown)}`,
      remedy: "Set MQTT_PORT to what the server printed.",
    };
  }
}
