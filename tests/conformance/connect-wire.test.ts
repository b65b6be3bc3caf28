import { gzipSync } from "node:zlib";
import { create, toBinary } from "@bufbuild/protobuf";
import { ValueSchema } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-node";
import {
  createConnectTransport as createWebConnectTransport,
  createGrpcWebTransport as createWebTransport,
} from "@connectrpc/connect-web";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  ChannelService,
  PublishStreamRequestSchema,
} from "../../proto/gen/everywire/v1/channel_service_pb.ts";
import {
  Health,
  HealthCheckResponse_ServingStatus as Status,
} from "../../proto/gen/grpc/health/v1/health_pb.ts";
import { http } from "./doors/http.ts";
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
  return `demo/wire-${channels}`;
};
const _text = (value: string) => create(ValueSchema, { kind: { case: "stringValue", value } });
const _number = (value: number) => create(ValueSchema, { kind: { case: "numberValue", value } });
const failure = async (call: Promise<unknown>): Promise<ConnectError> => {
  try {
    await call;
  } catch (thrown) {
    return ConnectError.from(thrown);
  }
  throw new Error("It did not fail.");
};
const first = async <T>(messages: AsyncIterable<T>): Promise<T> => {
  for await (const message of messages) return message;
  throw new Error("It gave nothing.");
};
const all = async <T>(messages: AsyncIterable<T>): Promise<T[]> => Array.fromAsync(messages);
async function* _from<T>(items: readonly T[]) {
  yield* items;
}

describe("Connect", () => {
  it("answers a GET where nothing is changed, and 405 with Allow where something is", async () => {
    const channel = newChannel();
    await http.publish?.(server, channel, { type: "t", data: 1 });
    const query = new URLSearchParams({
      connect: "v1",
      encoding: "json",
      message: JSON.stringify({ channel, after: "earliest" }),
    });
    const answer = await fetch(`${server.url}/everywire.v1.ChannelService/Read?${query}`);
    expect(await answer.json()).toMatchObject({ events: [{ type: "t", data: 1 }], upToDate: true });
    const refused = await fetch(`${server.url}/everywire.v1.ChannelService/Publish?${query}`);
    expect([refused.status, refused.headers.get("allow")]).toEqual([405, "POST, OPTIONS"]);
  });

  it.each([
    ["bytes that are no message", "application/proto", "\xff\xff"],
    ["text that is not JSON", "application/json", "{"],
    ["a field of another kind", "application/json", '{"channel":7}'],
    ["a page token of somebody else", "application/json", '{"channel":"demo/a","after":"??"}'],
  ])("answers %s with invalid_argument", async (_name, type, body) => {
    for (const method of ["Publish", "Read"]) {
      const headers = { "content-type": type };
      const answer = await fetch(`${server.url}/everywire.v1.ChannelService/${method}`, {
        method: "POST",
        headers,
        body,
      });
      expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([
        400,
        "invalid_argument",
      ]);
    }
  });

  it.each([200, 5_000, 400_000])("answers data %i levels deep with invalid_argument", async (levels) => {
    const data = `${"[".repeat(levels)}${"]".repeat(levels)}`;
    const init = {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: `{"channel":"demo/a","type":"t","data":${data}}`,
    };
    const answer = await fetch(`${server.url}/everywire.v1.ChannelService/Publish`, init);
    expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([
      400,
      "invalid_argument",
    ]);
  });

  it("answers a media type that it does not know with 415", async () => {
    const init = { method: "POST", headers: { "content-type": "text/plain" }, body: "{}" };
    expect((await fetch(`${server.url}/everywire.v1.ChannelService/Publish`, init)).status).toBe(415);
  });

  it("gives data that is too deep for a Value as bytes, and goes on", async () => {
    const channel = newChannel();
    const deep = JSON.parse(`${"[".repeat(60)}1${"]".repeat(60)}`);
    await http.publish?.(server, channel, { type: "deep", data: deep });
    await http.publish?.(server, channel, { type: "odd", data: "\ud800" });
    const transport = createGrpcWebTransport({ httpVersion: "1.1", baseUrl: server.url });
    const events = await all(
      createClient(ChannelService, transport).subscribe({ channel, after: "earliest", limit: 2 }),
    );
    expect(JSON.parse(Buffer.from(events[0]?.dataBytes ?? []).toString())).toEqual(deep);
    expect(events[1]?.type).toBe("odd");
  });

  it("lets a page of another origin read what it needs", async () => {
    const headers = { origin: "https://example.org", "content-type": "application/grpc-web+proto" };
    const answer = await fetch(`${server.url}/everywire.v1.ChannelService/Read`, {
      method: "POST",
      headers,
      body: new Uint8Array(5),
    });
    expect(answer.headers.get("access-control-allow-origin")).toBe("*");
    for (const name of ["grpc-status", "grpc-message", "grpc-status-details-bin"]) {
      expect(answer.headers.get("access-control-expose-headers")).toContain(name);
    }
  });
});

describe("compression", () => {
  const post = (body: Uint8Array<ArrayBuffer>) =>
    fetch(`${server.url}/everywire.v1.ChannelService/Publish`, {
      method: "POST",
      headers: { "content-type": "application/json", "content-encoding": "gzip" },
      body,
    });

  it("is gzip, both ways", async () => {
    const channel = newChannel();
    const data = "abc".repeat(10_000);
    expect((await post(gzipSync(JSON.stringify({ channel, type: "t", data })))).status).toBe(200);
    const init = {
      method: "POST",
      headers: { "content-type": "application/json", "accept-encoding": "gzip" },
    };
    const body = JSON.stringify({ channel, after: "earliest" });
    const answer = await fetch(`${server.url}/everywire.v1.ChannelService/Read`, { ...init, body });
    expect(answer.headers.get("content-encoding")).toBe("gzip");
    expect(await answer.json()).toMatchObject({ events: [{ data }] });
  });

  it("does not open a bomb, and says what is no gzip", async () => {
    for (const [body, status, reason] of [
      [gzipSync(Buffer.alloc(200_000_000)), 429, "payload_too_large"],
      [Buffer.from("no gzip"), 400, "invalid_argument"],
    ] as const) {
      const answer = await post(body);
      expect(answer.status).toBe(status);
      expect(await answer.json()).toMatchObject({ details: [{ debug: { reason } }] });
    }
  });
});

describe("a reader that is slow", () => {
  it("is not cut, and gets everything in order, at its own pace", async () => {
    // With the default heartbeat: a reader that takes nothing at all is given up after three.
    const patient = await serveTarget();
    try {
      const channel = newChannel();
      const data = "x".repeat(200_000);
      const client = createClient(ChannelService, createWebTransport({ baseUrl: patient.url }));
      const live = Promise.withResolvers<Headers>();
      const slow = client
        .subscribe({ channel, limit: 150 }, { onHeader: live.resolve })
        [Symbol.asyncIterator]();
      const pending = slow.next();
      await live.promise;
      // 30 MB while it takes nothing: more than the buffers of both sockets and MAX_READER_BUFFER_BYTES together.
      for (let n = 0; n < 150; n += 1) await http.publish?.(patient, channel, { type: `t${n}`, data });
      const types: string[] = [];
      for (let next = await pending; !next.done; next = await slow.next()) types.push(next.value.type);
      const expected = Array.from({ length: 150 }, (_, n) => `t${n}`);
      expect(types.filter((type) => type !== "everywire.position")).toEqual(expected);
    } finally {
      await patient.stop();
    }
  });

  it("catches up with 10,000 events, from the first or from any cursor", async () => {
    const channel = newChannel();
    // In one body: connect-node writes each message by itself, which takes longer than all the rest of this test.
    const requests = Array.from({ length: 10_000 }, (_, n) => {
      const message = create(PublishStreamRequestSchema, { channel, type: `t${n}` });
      const bytes = toBinary(PublishStreamRequestSchema, message);
      const envelope = Buffer.alloc(5);
      envelope.writeUInt32BE(bytes.length, 1);
      return Buffer.concat([envelope, bytes]);
    });
    const published = await fetch(`${server.url}/everywire.v1.ChannelService/PublishStream`, {
      method: "POST",
      headers: { "content-type": "application/grpc-web+proto" },
      body: Buffer.concat(requests),
    });
    expect(Buffer.from(await published.arrayBuffer()).toString()).toContain("grpc-status: 0");
    const web = createClient(ChannelService, createWebTransport({ baseUrl: server.url }));
    const { next: middle } = await web.read({ channel, after: "earliest", limit: 500 });
    for (const transport of [createWebTransport, createWebConnectTransport]) {
      const client = createClient(ChannelService, transport({ baseUrl: server.url }));
      for (const [after, from] of [
        ["earliest", 0],
        [middle, 500],
      ] as const) {
        const events = await all(client.subscribe({ channel, after, limit: 10_000 - from }));
        expect(events.map(({ type }) => type)).toEqual(
          Array.from({ length: 10_000 - from }, (_, n) => `t${n + from}`),
        );
      }
    }
  });
});

describe("grpc.health.v1", () => {
  const client = () =>
    createClient(Health, createGrpcWebTransport({ httpVersion: "1.1", baseUrl: server.url }));

  it("says of the server and of each service that it serves", async () => {
    for (const service of ["", "everywire.v1.ChannelService", "everywire.v1.UserService"]) {
      expect((await client().check({ service })).status).toBe(Status.SERVING);
      expect((await first(client().watch({ service }))).status).toBe(Status.SERVING);
    }
    expect(Object.keys((await client().list({})).statuses)).toContain("everywire.v1.ChannelService");
  });

  it("does not know a service that there is not", async () => {
    expect((await failure(client().check({ service: "no.Such" }))).code).toBe(Code.NotFound);
    expect((await first(client().watch({ service: "no.Such" }))).status).toBe(Status.SERVICE_UNKNOWN);
  });
});
