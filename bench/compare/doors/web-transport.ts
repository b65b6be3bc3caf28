import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { endWithParent } from "../../../scripts/end-with-parent.ts";
import { ROOT } from "../../../scripts/paths.ts";
import { ByteConnection } from "./byte-connection.ts";
import type { Place } from "./place.ts";
import { gatewayOf } from "./place.ts";
import type { OpenPublisher } from "./publisher.ts";
import { publishLines } from "./publishers/connections.ts";
import type { OpenReader } from "./reader.ts";
import { readLines } from "./readers/sockets.ts";

const DENO = join(ROOT, "node_modules", ".bin", "deno");
const RELAY = join(import.meta.dirname, "webtransport-relay.ts");

let relay: Promise<{ readonly port: number; readonly child: ChildProcess }> | undefined;

/** The process of the relay, once there is one: its CPU is the client's. */
export async function relayPid(): Promise<number | undefined> {
  return (await relay)?.child.pid;
}

/** JSON lines on a WebTransport session; events come on streams that the server opens. */
export const readWebTransport: OpenReader = async (place, request) => {
  return readLines(await openSession(place), request);
};

/** JSON lines on a bidirectional stream of a session. */
export const publishWebTransport: OpenPublisher = async (place, channel) => {
  return publishLines(await openSession(place), channel);
};

async function openSession(place: Place): Promise<ByteConnection> {
  const { tlsPort, certificateHash, http3Missing } = gatewayOf(place);
  if (http3Missing !== undefined) throw new Error(`The gateway has no HTTP/3: ${http3Missing}`);
  relay ??= startRelay();
  const { port } = await relay;
  const connection = await ByteConnection.open(port, "127.0.0.1");
  connection.write(`${JSON.stringify({ url: `https://localhost:${tlsPort}/wt`, certificateHash })}\n`);
  return connection;
}

async function startRelay() {
  const child = spawn(DENO, ["run", "-A", "--quiet", "--no-check", "--unstable-net", RELAY], {
    cwd: ROOT,
    stdio: ["pipe", "pipe", "inherit"],
  });
  endWithParent(child);
  const [line] = await Promise.race([
    once(createInterface({ input: child.stdout }), "line"),
    once(child, "exit").then(() => {
      throw new Error("Deno, which has WebTransport, did not start.");
    }),
  ]);
  return { port: Number(line), child };
}
