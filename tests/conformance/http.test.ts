import { once } from "node:events";
import { connect } from "node:net";
import { CloudEvent, HTTP } from "cloudevents";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ServedTarget } from "./serve-target.ts";
import { serveTarget } from "./serve-target.ts";

let server: ServedTarget;
beforeAll(async () => {
  server = await serveTarget();
});
afterAll(() => server.stop());

const JSON_TYPE = { "content-type": "application/json" };

function post(channel: string, body: RequestInit["body"], headers: Record<string, string> = JSON_TYPE) {
  return fetch(`${server.url}/channels/${channel}`, { method: "POST", body: body ?? null, headers });
}

async function readAll(channel: string, query = "") {
  const response = await fetch(`${server.url}/channels/${channel}?after=earliest${query}`);
  expect(response.headers.get("content-type")).toBe("application/json");
  return (await response.json()) as { events: Record<string, unknown>[]; next: string; upToDate: boolean };
}

async function codeOf(response: Response): Promise<string> {
  return ((await response.json()) as { error: { code: string } }).error.code;
}

/** Sends a request target as it is written: fetch would resolve `..` before it leaves. */
function statusOfRawTarget(target: string): Promise<number> {
  const { hostname, port } = new URL(server.url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => {
      socket.write(`GET ${target} HTTP/1.1\r\nHost: ${hostname}\r\nConnection: close\r\n\r\n`);
    });
    socket.once("data", (bytes) => {
      resolve(Number(bytes.toString("latin1").split(" ")[1]));
      socket.destroy();
    });
    socket.once("error", reject);
  });
}

describe("publishing over HTTP", () => {
  it("takes the plain form and answers where the event stands", async () => {
    const response = await post("demo/plain", JSON.stringify({ type: "greeting", data: { text: "hi" } }));
    expect(response.status).toBe(201);
    const published = (await response.json()) as Record<string, unknown>;
    expect(published).toEqual({ id: expect.any(String), sequence: expect.any(String), duplicate: false });
    const { events, next } = await readAll("demo/plain");
    expect(events).toEqual([
      expect.objectContaining({ type: "greeting", data: { text: "hi" }, subject: "demo/plain" }),
    ]);
    expect(events[0]?.sequence).toBe(published.sequence);
    expect(next).toBe(published.sequence);
  });

  it.each(["structured", "binary"] as const)(
    "takes what the CloudEvents SDK sends in %s mode",
    async (mode) => {
      const made = new CloudEvent({ type: "sdk", source: "/sdk", data: { mode }, myext: "x" });
      const message = HTTP[mode](made);
      const response = await post(
        `demo/sdk-${mode}`,
        message.body as string,
        message.headers as Record<string, string>,
      );
      expect(response.status).toBe(201);
      const { events } = await readAll(`demo/sdk-${mode}`);
      const read = new CloudEvent(events[0] as object);
      expect(read.validate()).toBe(true);
      expect(read).toMatchObject({
        id: made.id,
        source: "/sdk",
        data: { mode },
        myext: "x",
        time: made.time,
      });
    },
  );

  it("takes a batch, all in its order, and the SDK reads it back", async () => {
    const batch = [1, 2, 3].map(
      (n) => new CloudEvent({ type: "b", source: "/sdk", id: `b-${n}`, data: { n } }),
    );
    const response = await post("demo/batch", JSON.stringify(batch), {
      "content-type": "application/cloudevents-batch+json; charset=utf-8",
    });
    expect(response.status).toBe(201);
    const results = (await response.json()) as { id: string; sequence: string }[];
    expect(results.map((result) => result.id)).toEqual(["b-1", "b-2", "b-3"]);
    const { events } = await readAll("demo/batch");
    const read = HTTP.toEvent({
      headers: { "content-type": "application/cloudevents-batch+json" },
      body: JSON.stringify(events),
    }) as CloudEvent<{ n: number }>[];
    expect(read.map((event) => event.data?.n)).toEqual([1, 2, 3]);
    expect(events.map((event) => event.sequence)).toEqual(results.map((result) => result.sequence));
  });

  it("decodes percent-encoded attributes in binary mode", async () => {
    const response = await post("demo/percent", "{}", {
      ...JSON_TYPE,
      "ce-specversion": "1.0",
      "ce-id": "Euro%20%E2%82%AC%20%F0%9F%98%80",
      "ce-source": '"/quoted \\"source\\""',
      "ce-type": "t",
    });
    expect(response.status).toBe(201);
    const { events } = await readAll("demo/percent");
    expect(events[0]).toMatchObject({ id: "Euro € 😀", source: '/quoted "source"' });
  });

  it.each([
    ["text/plain", new TextEncoder().encode("grüß\r\n"), { data: "grüß\r\n" }],
    ["text/plain; charset=iso-8859-1", Uint8Array.of(0x67, 0xfc), { data_base64: "Z/w=" }],
    ["application/octet-stream", Uint8Array.of(0, 255, 1), { data_base64: "AP8B" }],
    ["application/vnd.x+json", new TextEncoder().encode("[1]"), { data: [1] }],
    ["application/xml", new TextEncoder().encode("<a/>"), { data: "<a/>" }],
  ])("keeps a binary-mode body of type %s", async (type, body, expected) => {
    const channel = `demo/body-${crypto.randomUUID()}`;
    const headers = {
      "content-type": type,
      "ce-specversion": "1.0",
      "ce-id": "1",
      "ce-source": "/s",
      "ce-type": "t",
    };
    expect((await post(channel, body, headers)).status).toBe(201);
    const { events } = await readAll(channel);
    expect(events[0]).toMatchObject({ datacontenttype: type, ...expected });
  });

  it("stores an event once, however often it is published", async () => {
    const body = JSON.stringify({ type: "t", id: "once", source: "/s" });
    const first = (await (await post("demo/dedupe", body)).json()) as Record<string, unknown>;
    const again = await post("demo/dedupe", body);
    expect(again.status).toBe(201);
    expect(await again.json()).toEqual({ ...first, duplicate: true });
    expect((await readAll("demo/dedupe")).events).toHaveLength(1);
  });

  it("knows a retry by its Idempotency-Key, also of a batch", async () => {
    const headers = { ...JSON_TYPE, "idempotency-key": '"key-1"' };
    const body = JSON.stringify([{ type: "a" }, { type: "b" }]);
    const first = (await (await post("demo/key", body, headers)).json()) as {
      id: string;
      sequence: string;
    }[];
    const again = await (await post("demo/key", body, headers)).json();
    expect(first.map((result) => result.id)).toEqual(["key-1-0", "key-1-1"]);
    expect(again).toEqual(first.map((result) => ({ ...result, duplicate: true })));
  });

  it("publishes all of a batch or none", async () => {
    const response = await post("demo/none", JSON.stringify([{ type: "good" }, { data: 1 }]));
    expect(response.status).toBe(400);
    expect((await readAll("demo/none")).events).toEqual([]);
  });

  it("answers many who publish at once, while others leave before their answer", async () => {
    const channel = "demo/crowd";
    const { hostname, port, host } = new URL(server.url);
    const publishAndLeave = async (index: number) => {
      const body = JSON.stringify({ type: "left", data: index });
      const socket = connect(Number(port), hostname);
      socket.on("error", () => undefined);
      await once(socket, "connect");
      socket.write(
        `POST /channels/${channel} HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\n` +
          `Content-Length: ${body.length}\r\n\r\n${body}`,
      );
      // Some with their bytes hardly out, some in the middle of their append.
      for (let turn = 0; turn < index % 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      socket.resetAndDestroy();
    };
    const stay = async (writer: number) => {
      const receipts = [];
      for (let n = 0; n < 20; n += 1) {
        const response = await post(channel, JSON.stringify({ type: "stayed", data: `${writer}:${n}` }));
        receipts.push(((await response.json()) as { sequence: string }).sequence);
      }
      return receipts;
    };
    const leavers = Array.from({ length: 100 }, (_, index) => publishAndLeave(index));
    const answered = await Promise.all(Array.from({ length: 8 }, (_, writer) => stay(writer)));
    await Promise.all(leavers);
    const stored = new Map<unknown, unknown>();
    for (let after = "earliest"; ; ) {
      const response = await fetch(`${server.url}/channels/${channel}?after=${after}&limit=1000`);
      const page = (await response.json()) as Awaited<ReturnType<typeof readAll>>;
      for (const { data, sequence } of page.events) stored.set(data, sequence);
      if (page.upToDate) break;
      after = page.next;
    }
    answered.forEach((receipts, writer) => {
      expect(receipts).toEqual(receipts.map((_, n) => stored.get(`${writer}:${n}`)));
      expect([...receipts].sort()).toEqual(receipts);
    });
  });

  it("gives an ephemeral event no sequence and no place in the log", async () => {
    const response = await post("demo/typing", JSON.stringify({ type: "chat.typing" }));
    expect(await response.json()).toEqual({ id: expect.any(String), duplicate: false });
    expect((await readAll("demo/typing")).events).toEqual([]);
  });
});

describe("bad input over HTTP", () => {
  const envelope = { "ce-specversion": "1.0", "ce-id": "1", "ce-source": "/s", "ce-type": "t" };
  const cases: readonly (readonly [string, number, string, RequestInit["body"], Record<string, string>])[] = [
    ["malformed JSON", 400, "invalid_argument", "{", JSON_TYPE],
    ["an event that is no object", 400, "invalid_argument", "3", JSON_TYPE],
    ["no type", 400, "invalid_argument", "{}", JSON_TYPE],
    ["an empty batch", 400, "invalid_argument", "[]", JSON_TYPE],
    ["bytes that are not UTF-8", 400, "invalid_argument", Uint8Array.of(0x22, 0xff, 0x22), JSON_TYPE],
    ["a reserved type", 400, "invalid_argument", '{"type":"everywire.gap"}', JSON_TYPE],
    [
      "another specversion",
      400,
      "invalid_argument",
      "{}",
      { ...JSON_TYPE, ...envelope, "ce-specversion": "0.3" },
    ],
    [
      "invalid percent-encoded UTF-8",
      400,
      "invalid_argument",
      "{}",
      { ...JSON_TYPE, ...envelope, "ce-id": "%C0%A0" },
    ],
    ["data in a header", 400, "invalid_argument", "{}", { ...JSON_TYPE, ...envelope, "ce-data": "1" }],
    [
      "an Idempotency-Key with a space",
      400,
      "invalid_argument",
      '{"type":"t"}',
      { ...JSON_TYPE, "idempotency-key": "a b" },
    ],
    [
      "a batch that is no list",
      400,
      "invalid_argument",
      "{}",
      { "content-type": "application/cloudevents-batch+json" },
    ],
    ["plain text", 415, "unsupported_media_type", "hello", { "content-type": "text/plain" }],
    [
      "an XML CloudEvent",
      415,
      "unsupported_media_type",
      "<e/>",
      { ...envelope, "content-type": "application/cloudevents+xml" },
    ],
    [
      "JSON in UTF-16",
      415,
      "unsupported_media_type",
      '{"type":"t"}',
      { "content-type": "application/json; charset=utf-16" },
    ],
    [
      "a compressed body",
      415,
      "unsupported_media_type",
      '{"type":"t"}',
      { ...JSON_TYPE, "content-encoding": "gzip" },
    ],
    [
      "an event of 257 KiB",
      413,
      "payload_too_large",
      JSON.stringify({ type: "t", data: "x".repeat(257 * 1024) }),
      JSON_TYPE,
    ],
    ["a batch of 101", 413, "payload_too_large", JSON.stringify(Array(101).fill({ type: "t" })), JSON_TYPE],
    ["a body over 1 MiB", 413, "payload_too_large", `"${"x".repeat(1024 * 1024)}"`, JSON_TYPE],
  ];

  it.each(cases)("%s is %i %s", async (_, status, code, body, headers) => {
    const response = await post("demo/bad", body, headers);
    expect(response.status).toBe(status);
    expect(await codeOf(response)).toBe(code);
  });

  it("refuses a body over 1 MiB also where its length is not told", async () => {
    let left = 4 * 1024 * 1024;
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        controller.enqueue(new Uint8Array(64 * 1024));
        left -= 64 * 1024;
        if (left === 0) controller.close();
      },
    });
    const request = { method: "POST", body, headers: JSON_TYPE, duplex: "half" } as RequestInit;
    const { status } = await fetch(`${server.url}/channels/demo/bad`, request);
    expect(status).toBe(413);
    expect((await fetch(`${server.url}/health`)).status).toBe(200);
  });

  it.each([
    "/channels/demo/a%2fb",
    "/channels/demo/../b",
    "/channels/demo/%2e%2e/b",
    "/channels/demo/./b",
    "/channels/demo//b",
    "/channels/demo/",
    "/channels/demo/%",
    "/channels/demo/%00",
    "/channels/demo\\b",
    `/channels/demo/${"x".repeat(65)}`,
    `/channels/${"a/".repeat(8)}a`,
  ])("the name in %s is 400", async (target) => {
    expect(await statusOfRawTarget(target)).toBe(400);
  });

  it("decodes a percent-encoded character that a name may have", async () => {
    await post("demo/%40me", JSON.stringify({ type: "t" }));
    expect((await readAll("demo/@me")).events).toHaveLength(1);
  });

  it.each(["after=nonsense", "after=0mi9x2k4qz7f-0000", "limit=0", "limit=-1", "limit=x"])(
    "GET with %s is 400 invalid_argument",
    async (query) => {
      const response = await fetch(`${server.url}/channels/demo/bad?${query}`);
      expect(response.status).toBe(400);
      expect(await codeOf(response)).toBe("invalid_argument");
    },
  );

  it("answers 405 with Allow", async () => {
    const response = await fetch(`${server.url}/channels/demo/a`, { method: "PUT", body: "x" });
    expect(response.status).toBe(405);
    expect(response.headers.get("allow")).toBe("GET, POST, DELETE, HEAD, OPTIONS");
  });
});

describe("reading over HTTP", () => {
  it("pages from cursor to cursor, and starts at the end unless told", async () => {
    const channel = "demo/pages";
    for (let n = 0; n < 5; n += 1) await post(channel, JSON.stringify({ type: "t", data: n }));
    const first = await readAll(channel, "&limit=2");
    expect(first).toMatchObject({ upToDate: false, events: [{ data: 0 }, { data: 1 }] });
    const rest = await fetch(`${server.url}/channels/${channel}?after=${first.next}`);
    const last = (await rest.json()) as { events: unknown[]; next: string; upToDate: boolean };
    expect(last).toMatchObject({ upToDate: true, events: [{ data: 2 }, { data: 3 }, { data: 4 }] });
    const latest = await fetch(`${server.url}/channels/${channel}`);
    expect(await latest.json()).toEqual({ events: [], next: last.next, upToDate: true });
  });

  it("tells of a gap before any event", async () => {
    await post("demo/gap", JSON.stringify({ type: "t" }));
    const other = "000000000001-0000000001";
    const response = await fetch(`${server.url}/channels/demo/gap?after=${other}`);
    const { events } = (await response.json()) as {
      events: { type: string; data: unknown; sequence?: string }[];
    };
    expect(events.map((event) => event.type)).toEqual(["everywire.gap", "t"]);
    expect(events[0]?.data).toMatchObject({ requested: other, resumedAt: expect.any(String) });
    expect(events[0]?.sequence).toBeUndefined();
  });

  it("lists the channels that a caller may read, by page", async () => {
    for (const name of ["demo/list/a", "demo/list/b", "demo/list/c"])
      await post(name, JSON.stringify({ type: "t" }));
    type Listing = { channels: { name: string; createdAt: string }[]; next: string | null };
    const list = async (query: string) =>
      (await (await fetch(`${server.url}/channels?prefix=demo/list/${query}`)).json()) as Listing;
    const first = await list("&limit=2");
    expect(first.channels.map((channel) => channel.name)).toEqual(["demo/list/a", "demo/list/b"]);
    const second = await list(`&limit=2&after=${first.next}`);
    expect(second.channels.map((channel) => channel.name)).toEqual(["demo/list/c"]);
    expect(second.next).toBeNull();
  });

  it("has members at /presence, which is no channel to publish to", async () => {
    const response = await fetch(`${server.url}/channels/demo/room/presence`);
    expect(await response.json()).toEqual({ members: [], readers: 0 });
    expect((await post("demo/room/presence", JSON.stringify({ type: "t" }))).status).toBe(405);
  });

  it("deletes a channel once, and then it begins a new life", async () => {
    const remove = () => fetch(`${server.url}/channels/demo/removed`, { method: "DELETE" });
    const first = (await (await post("demo/removed", JSON.stringify({ type: "t" }))).json()) as {
      sequence: string;
    };
    expect((await remove()).status).toBe(204);
    expect((await remove()).status).toBe(404);
    const second = (await (await post("demo/removed", JSON.stringify({ type: "t" }))).json()) as {
      sequence: string;
    };
    expect(second.sequence > first.sequence).toBe(true);
    expect((await readAll("demo/removed")).events).toHaveLength(1);
  });
});

describe("who may, over HTTP", () => {
  it("asks an anonymous caller to sign in, and refuses a signed-in one", async () => {
    const anonymous = await post("rooms/lobby", JSON.stringify({ type: "t" }));
    expect(anonymous.status).toBe(401);
    expect(anonymous.headers.get("www-authenticate")).toContain("Bearer");
    const alice = await server.signIn("alice");
    const headers = { ...JSON_TYPE, authorization: `Bearer ${alice.token}` };
    expect((await post("rooms/lobby", JSON.stringify({ type: "t" }), headers)).status).toBe(201);
    const refused = await post("news", JSON.stringify({ type: "t" }), headers);
    expect(refused.status).toBe(403);
    expect(await codeOf(refused)).toBe("permission_denied");
  });
});
