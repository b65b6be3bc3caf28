import type { MessageInitShape } from "@bufbuild/protobuf";
import { create, createRegistry, toJson } from "@bufbuild/protobuf";
import { ValueSchema } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type {
  ChatRequest,
  ChatRequestSchema,
  ChatResponse,
  PublishStreamRequestSchema,
} from "../../proto/gen/everywire/v1/channel_service_pb.ts";
import { ChannelService } from "../../proto/gen/everywire/v1/channel_service_pb.ts";
import {
  ErrorInfoSchema,
  file_google_rpc_error_details,
} from "../../proto/gen/google/rpc/error_details_pb.ts";
import { toTransportOptions } from "./doors/connect-target.ts";
import { http } from "./doors/http.ts";
import { Received } from "./received-events.ts";
import type { ServedTarget } from "./serve-target.ts";
import { serveTarget } from "./serve-target.ts";

let server: ServedTarget;
beforeAll(async () => {
  server = await serveTarget({ HEARTBEAT_SECONDS: "1" });
});
afterAll(() => server.stop());

let channels = 0;
const newChannel = () => {
  channels += 1;
  return `demo/connect-${channels}`;
};
const text = (value: string) => create(ValueSchema, { kind: { case: "stringValue", value } });
const number = (value: number) => create(ValueSchema, { kind: { case: "numberValue", value } });
const failure = async (call: Promise<unknown>): Promise<ConnectError> => {
  try {
    await call;
  } catch (thrown) {
    return ConnectError.from(thrown);
  }
  throw new Error("It did not fail.");
};
const _first = async <T>(messages: AsyncIterable<T>): Promise<T> => {
  for await (const message of messages) return message;
  throw new Error("It gave nothing.");
};
const all = async <T>(messages: AsyncIterable<T>): Promise<T[]> => Array.fromAsync(messages);
async function* from<T>(items: readonly T[]) {
  yield* items;
}

// A Status within a message has details of any type.
const jsonOptions = { registry: createRegistry(file_google_rpc_error_details) };
const transports = [
  { name: "Connect in binary", create: createConnectTransport, options: { useBinaryFormat: true } },
  { name: "Connect in JSON", create: createConnectTransport, options: { useBinaryFormat: false } },
  { name: "gRPC-Web in binary", create: createGrpcWebTransport, options: { useBinaryFormat: true } },
  { name: "gRPC-Web in JSON", create: createGrpcWebTransport, options: { useBinaryFormat: false } },
];

describe.each(transports)("connect-node over HTTP/1.1: $name", ({ create: createTransport, options }) => {
  const client = (target = server as { url: string; token?: string }) =>
    createClient(
      ChannelService,
      createTransport({ httpVersion: "1.1", ...options, jsonOptions, ...toTransportOptions(target) }),
    );

  it("publishes and reads", async () => {
    const channel = newChannel();
    const { sequence, duplicate } = await client().publish({
      channel,
      type: "t",
      data: text("hi"),
      id: "1",
      source: "/s",
    });
    expect(duplicate).toBe(false);
    expect(
      await client().publish({ channel, type: "t", data: text("hi"), id: "1", source: "/s" }),
    ).toMatchObject({
      sequence,
      duplicate: true,
    });
    const page = await client().read({ channel, after: "earliest" });
    expect(page).toMatchObject({
      next: sequence,
      upToDate: true,
      events: [{ id: "1", source: "/s", subject: channel }],
    });
  });

  it("streams events from the client, in order, however many at once", async () => {
    const channel = newChannel();
    const requests = Array.from(
      { length: 250 },
      (_, n): MessageInitShape<typeof PublishStreamRequestSchema> => ({
        ...(n === 0 ? { channel } : {}),
        type: "t",
        data: number(n),
      }),
    );
    const { published, results, lastSequence } = await client().publishStream(from(requests));
    expect(published).toBe(250);
    const { events } = await client().read({ channel, after: "earliest", limit: 1000 });
    expect(events.map(({ data }) => data && toJson(ValueSchema, data))).toEqual(requests.map((_, n) => n));
    expect(events.map(({ sequence }) => sequence)).toEqual(results.map(({ sequence }) => sequence));
    expect(events.at(-1)?.sequence).toBe(lastSequence);
  });

  it("stores what came before a refused event, and says how much that is", async () => {
    const channel = newChannel();
    const requests = [{ channel, type: "a" }, { type: "b" }, { type: "" }, { type: "c" }];
    const error = await failure(client().publishStream(from(requests)));
    expect(error.code).toBe(Code.InvalidArgument);
    const { events, next } = await client().read({ channel, after: "earliest" });
    expect(events.map(({ type }) => type)).toEqual(["a", "b"]);
    expect(error.findDetails(ErrorInfoSchema)[0]?.metadata).toEqual({ published: "2", last_sequence: next });
  });

  it("streams events to the client, and says while nothing happens where it stands", async () => {
    const channel = newChannel();
    const connection = new AbortController();
    let headers = new Headers();
    const events = client()
      .subscribe(
        { channel },
        {
          signal: connection.signal,
          onHeader: (received) => {
            headers = received;
          },
        },
      )
      [Symbol.asyncIterator]();
    const position = await events.next();
    expect(position.value).toMatchObject({ type: "everywire.position", sequence: "" });
    const { sequence } = await client().publish({ channel, type: "t" });
    let event = await events.next();
    while (event.value?.type === "everywire.position") event = await events.next();
    expect(event.value).toMatchObject({ type: "t", sequence });
    expect(sequence > (headers.get("everywire-cursor") ?? "~")).toBe(true);
    connection.abort();
  });

  it("chats: one call publishes and follows, and a refused event does not end it", async () => {
    const channel = newChannel();
    const outgoing = new Received<MessageInitShape<typeof ChatRequestSchema>>();
    async function* requests() {
      for (;;) {
        const request = await outgoing.next();
        if (request.type === "bye") return;
        yield request;
      }
    }
    const responses = client().chat(requests())[Symbol.asyncIterator]();
    const next = async () => {
      for (;;) {
        const { value, done } = await responses.next();
        if (done) return undefined;
        if (value.message.case !== "event" || value.message.value.type !== "everywire.position")
          return value.message;
      }
    };
    outgoing.push({ channel, type: "one" });
    const both = [await next(), await next()];
    expect(both.map((message) => message?.case).sort()).toEqual(["event", "receipt"]);
    await http.publish?.(server, channel, { type: "from elsewhere" });
    expect((await next())?.value).toMatchObject({ type: "from elsewhere" });
    outgoing.push({ type: "everywire.no" } satisfies Partial<ChatRequest>);
    expect(await next()).toMatchObject({ case: "error", value: { code: Code.InvalidArgument } });
    outgoing.push({ type: "two" });
    expect(new Set([(await next())?.case, (await next())?.case])).toEqual(
      new Set<ChatResponse["message"]["case"]>(["event", "receipt"]),
    );
    outgoing.push({ type: "bye" });
    expect(await next()).toBeUndefined();
  });

  it("ends a chat whose client has sent all, when the last event has come back", async () => {
    const channel = newChannel();
    const messages = await all(client().chat(from([{ channel, type: "a" }, { type: "b" }])));
    const types = messages.flatMap(({ message }) => (message.case === "event" ? [message.value.type] : []));
    expect(types.filter((type) => type !== "everywire.position")).toEqual(["a", "b"]);
  });

  it("tells the exact code, the fields, and when to come back", async () => {
    const missing = await failure(client().publish({ channel: "rooms/a", type: "t" }));
    expect(missing.code).toBe(Code.Unauthenticated);
    expect(missing.findDetails(ErrorInfoSchema)).toMatchObject([
      { reason: "unauthenticated", domain: "everywire" },
    ]);
    const large = await failure(
      client().publish({ channel: newChannel(), type: "t", data: text("x".repeat(300_000)) }),
    );
    expect(large.code).toBe(Code.ResourceExhausted);
    expect(large.findDetails(ErrorInfoSchema)[0]?.reason).toBe("payload_too_large");
  });

  it.each([1_100_000, 5_000_000])("refuses a message of %i bytes", async (length) => {
    const error = await failure(
      client().publish({ channel: newChannel(), type: "t", data: text("x".repeat(length)) }),
    );
    expect(error.findDetails(ErrorInfoSchema)[0]?.reason).toBe("payload_too_large");
    const stream = await failure(
      client().publishStream(from([{ channel: newChannel(), type: "t", data: text("x".repeat(length)) }])),
    );
    expect(stream.findDetails(ErrorInfoSchema)[0]?.reason).toBe("payload_too_large");
  });

  it("honours a deadline, on a stream too", async () => {
    const startedMs = Date.now();
    const error = await failure(all(client().subscribe({ channel: newChannel() }, { timeoutMs: 300 })));
    expect(error.code).toBe(Code.DeadlineExceeded);
    expect(Date.now() - startedMs).toBeLessThan(3000);
  });

  it("ends with the token", async () => {
    const alice = await server.signIn("alice", { expiresIn: 3 });
    const error = await failure(all(client(alice).subscribe({ channel: "rooms/short" })));
    expect(error.findDetails(ErrorInfoSchema)[0]?.reason).toBe("unauthenticated");
  });
});
