import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { ROOT, toBinary } from "../../../scripts/paths.ts";
import type { Target } from "../door-driver.ts";
import type { LineSocket } from "./tcp.ts";
import { createLineDoor, followLines } from "./tcp.ts";

let relayPort: Promise<number> | undefined;

/** Node has no QUIC: a process of Deno has, for as long as this one lives. */
async function startRelay(): Promise<number> {
  const script = join(ROOT, "tests", "conformance", "webtransport-relay.ts");
  const options = [
    "run",
    "--quiet",
    "--no-lock",
    "--no-check",
    "--unstable-net",
    "--allow-net",
    "--allow-read",
  ];
  const child = spawn(toBinary("deno"), [...options, script], {
    // It ends when its stdin does.
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ended = once(child, "exit").then(([code]) =>
    Promise.reject(new Error(`The relay ended with ${code}.`)),
  );
  const [line] = (await Promise.race([once(createInterface({ input: child.stdout }), "line"), ended])) as [
    string,
  ];
  ended.catch(() => {});
  child.unref();
  for (const stream of [child.stdin, child.stdout]) {
    if ("unref" in stream) (stream as unknown as { unref(): void }).unref();
  }
  return Number(line);
}

/** A session of its own, and a stream on it. */
async function connectSession({ gateway, token }: Target): Promise<LineSocket> {
  relayPort ??= startRelay();
  const socket = connect({ host: "127.0.0.1", port: await relayPort, allowHalfOpen: true });
  const { tlsPort: port, certificatePath } = gateway ?? {};
  socket.write(`${JSON.stringify({ port, certificatePath, token })}\n`);
  return followLines(socket);
}

/** WebTransport through the gateway: JSON lines on a stream, and a stream of the server's own for each subscription. */
export const webtransport = createLineDoor("webtransport", connectSession);
