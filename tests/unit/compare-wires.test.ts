import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { connect } from "node:net";
import { describe, expect, it } from "vitest";
import { WebSocketServer } from "ws";
import { toGroups } from "../../bench/compare/doors/groups.ts";
import type { HttpMessage } from "../../bench/compare/doors/http-messages.ts";
import { HttpMessages, statusOf } from "../../bench/compare/doors/http-messages.ts";
import { Answers, TextCounter } from "../../bench/compare/doors/publisher.ts";
import { encodeFrame, FrameReader } from "../../bench/compare/doors/web-socket.ts";

const CHUNKED = "HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n0\r\n\r\n\r\n0\r\n\r\n";
const COUNTED = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody";
const EMPTY = "HTTP/1.1 204 No Content\r\n\r\n";

describe("the lab's reader of HTTP", () => {
  it("finds messages by length and by chunks, wherever the bytes are cut", () => {
    const bytes = Buffer.from(COUNTED + CHUNKED + EMPTY + COUNTED);
    for (let cut = 0; cut <= bytes.length; cut += 1) {
      const found: HttpMessage[] = [];
      const messages = new HttpMessages((message) => found.push(message));
      messages.push(bytes.subarray(0, cut));
      messages.push(bytes.subarray(cut));
      expect(found.map(statusOf), `cut at ${cut}`).toEqual([200, 201, 204, 200]);
      expect(found[3]?.body).toBe("body");
    }
  });
});

describe("the lab's frames of a WebSocket", () => {
  const texts = ["", "short", "x".repeat(200), "y".repeat(70_000)];

  it("are understood by a server, and its frames by the lab, however they are cut", async () => {
    const server = new WebSocketServer({ port: 0, host: "127.0.0.1", perMessageDeflate: false });
    server.on("connection", (socket) => socket.on("message", (data) => socket.send(String(data))));
    await once(server, "listening");
    const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
    socket.write(
      "GET / HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-version: 13\r\nsec-websocket-key: ZXZlcnl3aXJlLWxhYi0xNg==\r\n\r\n",
    );
    const [head] = (await once(socket, "data")) as [Buffer];
    expect(head.toString()).toMatch(/^HTTP\/1\.1 101/);
    const received: Buffer[] = [];
    const found: string[] = [];
    const frames = new FrameReader((payload) => found.push(payload.toString()));
    const all = Promise.withResolvers<void>();
    socket.on("data", (chunk) => {
      received.push(chunk);
      frames.push(chunk);
      if (found.length === texts.length) all.resolve();
    });
    for (const text of texts) socket.write(encodeFrame(text));
    await all.promise;
    expect(found).toEqual(texts);

    const again: string[] = [];
    const byteByByte = new FrameReader((payload) => again.push(payload.toString()));
    for (const byte of Buffer.concat(received).subarray(0, 300)) byteByByte.push(Buffer.of(byte));
    expect(again).toEqual(texts.slice(0, 3));
    socket.destroy();
    server.close();
  });
});

describe("the lab's answers", () => {
  it("are counted wherever the bytes are cut", () => {
    const bytes = Buffer.from('{"op":"ack"}{"op":"ack"}');
    for (let cut = 0; cut <= bytes.length; cut += 1) {
      let count = 0;
      const counter = new TextCounter('"op":"ack"', () => {
        count += 1;
      });
      counter.push(bytes.subarray(0, cut));
      counter.push(bytes.subarray(cut));
      expect(count, `cut at ${cut}`).toBe(2);
    }
  });

  it("fail for those who wait, and for those who come later", async () => {
    const answers = new Answers();
    const first = answers.next();
    const second = answers.next();
    answers.take();
    await first;
    answers.fail("It is gone.");
    await expect(second).rejects.toThrow("It is gone.");
    await expect(answers.next()).rejects.toThrow("It is gone.");
  });
});

describe("groups of doors", () => {
  it("have nearly the same size, and everyone once", () => {
    const items = Array.from({ length: 20 }, (_, index) => index);
    const groups = toGroups(items, 7);
    expect(groups.map((group) => group.length)).toEqual([6, 7, 7]);
    expect(groups.flat()).toEqual(items);
    expect(toGroups([], 7)).toEqual([]);
  });
});
