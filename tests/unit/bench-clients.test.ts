import { once } from "node:events";
import type { AddressInfo, Socket } from "node:net";
import { createServer } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { BroadcastReaders } from "../../bench/broadcast-readers.ts";
import { HttpConnection } from "../../bench/http-connection.ts";

const HEAD = "HTTP/1.1 200 OK\r\n";

/** A server that hands each connection over, with what was first sent on it. */
async function listen(onRequest: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("data", () => onRequest(socket));
    socket.on("error", () => undefined);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

describe("the HTTP client of the lab", () => {
  test("takes an answer with a length, one in chunks, and one without a body", async () => {
    const answers = [
      `${HEAD}content-length: 2\r\n\r\nok`,
      `${HEAD}transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n`,
      "HTTP/1.1 204 No Content\r\n\r\n",
    ];
    const url = await listen((socket) => socket.write(answers.shift() ?? ""));
    const connection = await HttpConnection.open(url);
    const seen: unknown[] = [];
    for (let request = 0; request < 3; request += 1) {
      seen.push([await connection.send("GET / HTTP/1.1\r\n\r\n"), connection.body]);
    }
    connection.close();
    expect(seen).toEqual([
      [200, "ok"],
      [200, "abcde"],
      [204, ""],
    ]);
  });

  test("connects again to a server that ends its connections", async () => {
    const connections = new Set<Socket>();
    const url = await listen((socket) => {
      connections.add(socket);
      socket.end(`${HEAD}connection: close\r\ncontent-length: 0\r\n\r\n`);
    });
    const connection = await HttpConnection.open(url);
    for (let request = 0; request < 3; request += 1) {
      expect(await connection.send("GET / HTTP/1.1\r\n\r\n")).toBe(200);
    }
    connection.close();
    expect(connections.size).toBe(3);
  });
});

test("the readers of the lab count events, however the bytes are cut", async () => {
  const event = `data: {"text":"${"x".repeat(90)}"}\n\n`;
  const stream = event.repeat(5);
  let reader: Socket | undefined;
  const url = await listen((socket) => {
    reader = socket;
    socket.setNoDelay(true);
    socket.write(`${HEAD}content-type: text/event-stream\r\n\r\n`);
  });
  for (let size = 7; size < 120; size += 16) {
    const readers = await BroadcastReaders.open("stream", url, 1);
    const all = Promise.withResolvers<void>();
    readers.onEvents = () => {
      if (readers.received === 5) all.resolve();
    };
    for (let at = 0; at < stream.length; at += size) {
      reader?.write(stream.slice(at, at + size));
      // So that each write is a stretch of its own.
      await new Promise((resolve) => setImmediate(resolve));
    }
    await all.promise;
    expect(readers.received).toBe(5);
    readers.close();
  }
});
