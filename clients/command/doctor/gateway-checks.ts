import { connect } from "node:http2";
import type { Target } from "../target.ts";
import type { Check } from "./check.ts";
import { reasonOf } from "./check.ts";
import { exchangeDatagram, greetTls } from "./exchange.ts";

const DEADLINE_MS = 2500;
const REMEDY = "npx everywire serve starts the gateway beside the server; for other ports set its variables";

/** What the gateway's ports say: gRPC, TLS, HTTP/3, WebTransport, UDP. */
export async function checkGateway(target: Target, signal: AbortSignal): Promise<readonly Check[]> {
  return Promise.all([checkHealth(target, signal), checkGrpc(target), checkTls(target), checkUdp(target)]);
}

async function checkHealth({ hostname, ports }: Target, signal: AbortSignal): Promise<Check> {
  const check = { group: "gateway", name: "gateway" } as const;
  const port = ports.GATEWAY_HEALTH_PORT;
  try {
    const deadline = AbortSignal.any([signal, AbortSignal.timeout(DEADLINE_MS)]);
    const response = await fetch(`http://${toHost(hostname)}:${port}/ready`, { signal: deadline });
    const body = (await response.json()) as {
      readonly http3?: string;
      readonly worker?: { readonly status: string };
      readonly amqp?: { readonly status: string };
      readonly mqttBridge?: { readonly status: string };
    };
    const bridges = [
      body.amqp && `AMQP bridge ${body.amqp.status}`,
      body.mqttBridge && `MQTT bridge ${body.mqttBridge.status}`,
    ].filter((text) => text !== undefined);
    const detail = [
      `worker ${body.worker?.status}`,
      `HTTP/3 and WebTransport ${body.http3}`,
      ...bridges,
    ].join(", ");
    if (response.ok) return { ...check, status: "ok", detail };
    return {
      ...check,
      status: "failed",
      detail,
      remedy: "It does not reach the server: is EVERYWIRE_URL right for it?",
    };
  } catch (thrown) {
    return { ...check, status: "missing", detail: `port ${port}: ${reasonOf(thrown)}`, remedy: REMEDY };
  }
}

/** gRPC's port serves every HTTP door over HTTP/2 in clear, so its health is a request. */
function checkGrpc({ hostname, ports }: Target): Promise<Check> {
  const check = { group: "gateway", name: "grpc" } as const;
  const port = ports.GRPC_PORT;
  return new Promise((resolve) => {
    const session = connect(`http://${toHost(hostname)}:${port}`);
    const end = (status: "ok" | "missing", detail: string) => {
      clearTimeout(timer);
      session.destroy();
      resolve({ ...check, status, detail, ...(status === "ok" ? {} : { remedy: REMEDY }) });
    };
    const timer = setTimeout(() => end("missing", `port ${port} does not answer`), DEADLINE_MS);
    session.on("error", (error) => end("missing", `port ${port}: ${reasonOf(error)}`));
    const stream = session.request({ ":path": "/health" });
    stream.on("error", () => {});
    stream.on("response", () => end("ok", `gRPC over HTTP/2 in clear on port ${port}`));
    stream.end();
  });
}

async function checkTls({ hostname: host, ports }: Target): Promise<Check> {
  const check = { group: "gateway", name: "tls" } as const;
  const port = ports.TLS_PORT;
  try {
    const { protocol, validTo } = await greetTls({ host, port });
    return { ...check, status: "ok", detail: `${protocol} on port ${port}, certificate until ${validTo}` };
  } catch (thrown) {
    return { ...check, status: "missing", detail: `port ${port}: ${reasonOf(thrown)}`, remedy: REMEDY };
  }
}

async function checkUdp({ hostname: host, ports }: Target): Promise<Check> {
  const check = { group: "gateway", name: "udp" } as const;
  const port = ports.UDP_PORT;
  try {
    await exchangeDatagram({ host, port }, '{"op":"ping","ref":1}              ');
    return { ...check, status: "ok", detail: `datagrams on port ${port}` };
  } catch (thrown) {
    return { ...check, status: "missing", detail: `port ${port}: ${reasonOf(thrown)}`, remedy: REMEDY };
  }
}

function toHost(hostname: string): string {
  return hostname.includes(":") ? `[${hostname}]` : hostname;
}
