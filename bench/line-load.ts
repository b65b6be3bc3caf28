import { once } from "node:events";
import { connect } from "node:net";
import type { Sample } from "./rounds.ts";

/** Lines over TCP: each of `concurrency` connections sends its next line when the last was answered by one. */
export async function loadLines(
  port: number,
  line: string,
  concurrency: number,
  durationMs: number,
): Promise<Sample> {
  const latenciesMs: number[] = [];
  const startedMs = performance.now();
  const run = async () => {
    const socket = connect(port, "127.0.0.1");
    socket.setNoDelay(true);
    socket.setEncoding("latin1");
    await once(socket, "connect");
    const over = Promise.withResolvers<void>();
    let sentMs = performance.now();
    let rest = "";
    socket.on("data", (text: string) => {
      rest += text;
      const end = rest.indexOf("\n");
      if (end === -1) return;
      if (!rest.startsWith('{"op":"ack"')) return over.reject(new Error(`A line was answered ${rest}.`));
      rest = rest.slice(end + 1);
      const nowMs = performance.now();
      latenciesMs.push(nowMs - sentMs);
      sentMs = nowMs;
      if (nowMs - startedMs >= durationMs) over.resolve();
      else socket.write(line);
    });
    socket.on("error", over.reject);
    socket.on("close", () => over.reject(new Error("The server hung up.")));
    socket.write(line);
    try {
      await over.promise;
    } finally {
      socket.destroy();
    }
  };
  await Promise.all(Array.from({ length: concurrency }, run));
  return { operations: latenciesMs.length, elapsedMs: performance.now() - startedMs, latenciesMs };
}
