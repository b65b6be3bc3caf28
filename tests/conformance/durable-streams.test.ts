import { randomUUID } from "node:crypto";
import { DurableStream, IdempotentProducer, stream } from "@durable-streams/client";
import { EventSource } from "eventsource";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createCuttableProxy } from "./cuttable-proxy.ts";
import { http } from "./doors/http.ts";
import { sse } from "./doors/sse.ts";
import { websocket } from "./doors/websocket.ts";
import type { ServedTarget } from "./serve-target.ts";
import { serveTarget } from "./serve-target.ts";

let server: ServedTarget;
beforeAll(async () => {
  server = await serveTarget({ MAX_POLL_SECONDS: "2", RETENTION_MAX_EVENTS: "100" });
});
afterAll(() => server.stop());

const newChannel = () => `demo/${randomUUID()}`;
const urlOf = (channel: string) => `${server.url}/v1/stream/${channel}`;
const send = (method: string, channel: string, headers: Record<string, string> = {}, body?: BodyInit) =>
  fetch(urlOf(channel), { method, headers, ...(body === undefined ? {} : { body }) });
const publish = (channel: string, data: unknown) => http.publish?.(server, channel, { type: "t", data });
const codeOf = async (response: Response) =>
  ((await response.json()) as { error: { code: string } }).error.code;
const TEXT = { "content-type": "text/plain" };
const JSON_TYPE = { "content-type": "application/json" };

interface Event {
  readonly type: string;
  readonly data?: unknown;
  readonly data_base64?: string;
  readonly datacontenttype?: string;
  readonly sequence?: string;
}

/** What another door reads of a channel from its beginning. */
async function readAll(channel: string): Promise<readonly Event[]> {
  const response = await fetch(`${server.url}/channels/${channel}?after=earliest&limit=1000`);
  return ((await response.json()) as { events: Event[] }).events;
}

describe("a channel that another door made", () => {
  it.each(["long-poll", "sse"] as const)("is tailed by the protocol's client over %s", async (live) => {
    const channel = newChannel();
    for (let n = 1; n <= 5; n += 1) await publish(channel, n);
    const response = await stream<Event>({ url: urlOf(channel), offset: "-1", live, warnOnHttp: false });
    const seen: Event[] = [];
    const done = Promise.withResolvers<void>();
    response.subscribeJson(({ items }) => {
      seen.push(...items);
      if (seen.length >= 10) done.resolve();
    });
    for (let n = 6; n <= 10; n += 1) await publish(channel, n);
    await done.promise;
    response.cancel();
    expect(seen.map(({ type, data }) => [type, data])).toEqual(
      Array.from({ length: 10 }, (_, index) => ["t", index + 1]),
    );
    expect(seen.map(({ sequence }) => sequence)).toEqual(
      (await readAll(channel)).map(({ sequence }) => sequence),
    );
  });

  it("is a stream of JSON, and creating it once more as one changes nothing", async () => {
    const channel = newChannel();
    const published = await publish(channel, 1);
    const head = await send("HEAD", channel);
    expect(head.headers.get("content-type")).toBe("application/json");
    expect(head.headers.get("stream-next-offset")).toBe(published?.sequence);
    expect((await send("PUT", channel, JSON_TYPE)).status).toBe(200);
    expect((await send("PUT", channel, TEXT)).status).toBe(409);
  });

  it("takes events, and tells what became of one", async () => {
    const channel = newChannel();
    await publish(channel, 1);
    const event = JSON.stringify({ type: "mine", id: "1", source: "/me", data: { a: 1 } });
    const first = await send("POST", channel, JSON_TYPE, event);
    expect(first.status).toBe(204);
    const again = await send("POST", channel, { "content-type": "application/cloudevents+json" }, event);
    expect(again.headers.get("everywire-sequence")).toBe(first.headers.get("everywire-sequence"));
    expect([first, again].map(({ headers }) => headers.get("everywire-duplicate"))).toEqual([
      "false",
      "true",
    ]);
    const bad = await send("POST", channel, JSON_TYPE, '{"no":"type"}');
    expect([bad.status, await codeOf(bad)]).toEqual([400, "invalid_argument"]);
    expect((await readAll(channel)).map(({ type }) => type)).toEqual(["t", "mine"]);
  });
});

describe("a stream of any content type", () => {
  const bytes = Buffer.from(Array.from({ length: 256 }, (_, n) => n));

  it("is read on every other door, each append as an event with the same bytes", async () => {
    const channel = newChannel();
    const type = "application/x-thing; v=1";
    await send("PUT", channel, { "content-type": type }, bytes);
    const live = await sse.read?.(server, channel, "latest");
    const socket = await websocket.read?.(server, channel, "earliest");
    await send("POST", channel, { "content-type": type }, "more");
    const event = { type: "stream.append", datacontenttype: type, data_base64: bytes.toString("base64") };
    const more = { ...event, data_base64: Buffer.from("more").toString("base64") };
    expect(await readAll(channel)).toMatchObject([event, more]);
    expect((await live?.next())?.event).toMatchObject(more);
    expect((await socket?.next())?.event).toMatchObject(event);
    expect((await socket?.next())?.event).toMatchObject(more);
    const read = Buffer.from(await (await send("GET", channel)).arrayBuffer());
    expect(read.equals(Buffer.concat([bytes, Buffer.from("more")]))).toBe(true);
    await Promise.all([live?.cut(), socket?.cut()]);
  });

  it("in JSON mode is an event for each message, and back", async () => {
    const channel = newChannel();
    await send("PUT", channel, JSON_TYPE, "[1]");
    await send("POST", channel, JSON_TYPE, '[{"a":[1,2]},[3],null]');
    const events = await readAll(channel);
    expect(events.map(({ data }) => data)).toEqual([1, { a: [1, 2] }, [3], null]);
    for (const event of events)
      expect(event).toMatchObject({ type: "stream.append", datacontenttype: "application/json" });
    expect(await (await send("GET", channel)).json()).toEqual([1, { a: [1, 2] }, [3], null]);
  });

  it("has what other doors publish in it: whole in JSON, as the bytes of its data in a stream of bytes", async () => {
    const [json, text] = [newChannel(), newChannel()];
    await send("PUT", json, JSON_TYPE, '{"a":1}');
    await send("PUT", text, TEXT, "begin ");
    await publish(json, "x");
    await publish(text, "grüße");
    await http.publish?.(server, text, {
      type: "t",
      data_base64: Buffer.from([32, 0xe2, 0x98, 0x82]).toString("base64"),
    });
    expect(await (await send("GET", json)).json()).toMatchObject([{ a: 1 }, { type: "t", data: "x" }]);
    expect(await (await send("GET", text)).text()).toBe("begin grüße ☂");
  });

  it("goes on from any other door's cursor, and any other door from its offset", async () => {
    const channel = newChannel();
    const published = [await publish(channel, 1), await publish(channel, 2), await publish(channel, 3)];
    const from = await fetch(`${urlOf(channel)}?offset=${published[0]?.sequence}`);
    expect(await from.json()).toMatchObject([{ data: 2 }, { data: 3 }]);
    const offset = from.headers.get("stream-next-offset") ?? "";
    await publish(channel, 4);
    const reader = await websocket.read?.(server, channel, offset);
    expect((await reader?.next())?.event.data).toBe(4);
    await reader?.cut();
  });
});

describe("a closed stream", () => {
  it("refuses a publish on another door, and ends who reads there", async () => {
    const channel = newChannel();
    await publish(channel, 1);
    const events = await sse.read?.(server, channel, "earliest");
    const closed = await send("POST", channel, { ...JSON_TYPE, "stream-closed": "true" }, '{"type":"end"}');
    expect([closed.status, closed.headers.get("stream-closed")]).toEqual([204, "true"]);
    expect((await events?.next())?.event.data).toBe(1);
    expect((await events?.next())?.event.type).toBe("end");
    await expect(events?.next()).rejects.toMatchObject({ code: "gone" });
    await expect(publish(channel, 2)).rejects.toMatchObject({ code: "precondition_failed" });
    expect(await readAll(channel)).toHaveLength(2);
  });
});

describe("producers", () => {
  it("of the protocol's client write each message once and in order, also when answers are lost", async () => {
    const channel = newChannel();
    const handle = await DurableStream.create({
      url: urlOf(channel),
      contentType: "application/json",
      warnOnHttp: false,
    });
    let requests = 0;
    const producer = new IdempotentProducer(handle, "p", {
      lingerMs: 1,
      fetch: async (...request) => {
        const response = await fetch(...request);
        requests += 1;
        if (requests % 3 === 0) throw new TypeError("The answer was lost.");
        return response;
      },
    });
    for (let n = 0; n < 200; n += 1) {
      producer.append(JSON.stringify(n));
      if (n % 20 === 19) await producer.flush();
    }
    await producer.close();
    const data = (await readAll(channel)).map((event) => event.data);
    // The log keeps 100 events here.
    expect(data).toEqual(Array.from({ length: 100 }, (_, index) => index + 100));
    expect(requests).toBeGreaterThan(10);
  });
});

describe("what is no longer there", () => {
  it("is 410 where the stream has no place to say so, and a gap first where it has", async () => {
    const [text, events] = [newChannel(), newChannel()];
    const created = await send("PUT", text, TEXT, "a");
    const offset = created.headers.get("stream-next-offset") ?? "";
    await send("DELETE", text);
    await send("PUT", text, TEXT, "b");
    for (const live of ["", "&live=long-poll", "&live=sse"]) {
      const gone = await fetch(`${urlOf(text)}?offset=${offset}${live}`);
      expect([gone.status, await codeOf(gone)]).toEqual([410, "gone"]);
    }
    const published = await publish(events, 1);
    await send("DELETE", events);
    await publish(events, 2);
    const page = (await (await fetch(`${urlOf(events)}?offset=${published?.sequence}`)).json()) as Event[];
    expect(page).toMatchObject([
      { type: "everywire.gap", data: { requested: published?.sequence } },
      { data: 2 },
    ]);
  });
});

describe("live=sse", () => {
  it("is resumed by a plain EventSource, with nothing lost and nothing twice", async () => {
    const channel = newChannel();
    await send("PUT", channel, JSON_TYPE, "[0]");
    const proxy = await createCuttableProxy(server.url);
    const source = new EventSource(`${proxy.url}/v1/stream/${channel}?offset=-1&live=sse`);
    const seen: unknown[] = [];
    const reached = (count: number) =>
      new Promise<void>((resolve) => {
        source.addEventListener("data", ({ data }) => {
          seen.push(...(JSON.parse(data) as unknown[]));
          if (seen.length >= count) resolve();
        });
      });
    await reached(1);
    proxy.cut();
    for (let n = 1; n <= 5; n += 1) await send("POST", channel, JSON_TYPE, `[${n}]`);
    while (seen.length < 6)
      await new Promise<void>((resolve) =>
        source.addEventListener("control", () => resolve(), { once: true }),
      );
    source.close();
    await proxy.stop();
    expect(seen).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it("keeps a text as it is, spaces and line breaks of its own included", async () => {
    const channel = newChannel();
    const text = " a\n  b\n\nevent: control\ndata: {}\n";
    await send("PUT", channel, { ...TEXT, "stream-closed": "true" }, text);
    const response = await stream({ url: urlOf(channel), offset: "-1", live: "sse", warnOnHttp: false });
    expect(await response.text()).toBe(text);
    const raw = await (await fetch(`${urlOf(channel)}?offset=-1&live=sse`)).text();
    expect(raw).toContain("data: \u0020a\ndata: \u0020 b\ndata:\n");
    expect(raw).toContain('"streamClosed":true');
  });
});

describe("forks", () => {
  it("of two names that are not there yet, each of the other, are both refused", async () => {
    const [one, other] = [newChannel(), newChannel()];
    const from = (channel: string) => ({ "stream-forked-from": `/v1/stream/${channel}` });
    const answers = await Promise.all([send("PUT", one, from(other)), send("PUT", other, from(one))]);
    expect(answers.map(({ status }) => status)).toEqual([404, 404]);
    await publish(one, 1);
    expect((await send("PUT", other, from(one))).status).toBe(201);
  });

  it("are not a way to read what one may not", async () => {
    const alice = await server.signIn("alice");
    const bob = await server.signIn("bob");
    const authorization = { authorization: `Bearer ${alice.token}` };
    await http.publish?.(bob, "users/bob/inbox", { type: "t", data: "secret" });
    const stolen = await send("PUT", newChannel(), {
      ...authorization,
      "stream-forked-from": "/v1/stream/users/bob/inbox",
    });
    expect([stolen.status, await codeOf(stolen)]).toEqual([403, "permission_denied"]);
    const nobody = await send("PUT", newChannel(), { "stream-forked-from": "/v1/stream/users/bob/inbox" });
    expect(nobody.status).toBe(401);
  });
});

describe("caching", () => {
  it("shares what anybody may read, and nothing else; and never keeps that there is nothing yet", async () => {
    const channel = newChannel();
    await publish(channel, 1);
    const cacheOf = async (query: string, headers: Record<string, string> = {}) =>
      (await fetch(`${urlOf(channel)}${query}`, { headers })).headers.get("cache-control");
    const { token } = await server.signIn("alice");
    expect(await cacheOf("")).toBe("public, max-age=60, stale-while-revalidate=300");
    expect(await cacheOf("", { authorization: `Bearer ${token}` })).toMatch(/^private, /);
    const tail = (await send("HEAD", channel)).headers.get("stream-next-offset");
    expect(await cacheOf(`?offset=${tail}`)).toBe("no-cache");
    expect(await cacheOf("?offset=now")).toBe("no-store");
    expect(await cacheOf(`?offset=${tail}&live=long-poll`)).toBe("no-store");
  });
});

describe("bad requests", () => {
  it.each<[string, string, Record<string, string>, string | undefined]>([
    [
      "a lifetime of both kinds",
      "PUT",
      { "stream-ttl": "1", "stream-expires-at": "2030-01-01T00:00:00Z" },
      undefined,
    ],
    ["a lifetime that overflows", "PUT", { "stream-ttl": "99999999999999" }, undefined],
    ["a date that does not exist", "PUT", { "stream-expires-at": "2030-13-45T00:00:00Z" }, undefined],
    ["a content type that is none", "PUT", { "content-type": "text" }, undefined],
    ["a fork of what is no stream", "PUT", { "stream-forked-from": "/channels/demo/a" }, undefined],
    [
      "a fork from elsewhere",
      "PUT",
      { "stream-forked-from": "https://example.com/v1/stream/demo/a" },
      undefined,
    ],
    ["a fork of no channel", "PUT", { "stream-forked-from": "/v1/stream/demo/../a" }, undefined],
    [
      "a fork at no offset",
      "PUT",
      { "stream-forked-from": "/v1/stream/demo/a", "stream-fork-offset": "x" },
      undefined,
    ],
    ["JSON that is none", "PUT", JSON_TYPE, "{"],
    ["half a producer", "POST", { ...TEXT, "producer-id": "p" }, "x"],
    [
      "a producer's number that is none",
      "POST",
      { ...TEXT, "producer-id": "p", "producer-epoch": "-1", "producer-seq": "0" },
      "x",
    ],
    ["a writer's sequence without end", "POST", { ...TEXT, "stream-seq": "9".repeat(300) }, "x"],
  ])("with %s are 400, and leave nothing", async (_name, method, headers, body) => {
    const channel = newChannel();
    const response = await send(method, channel, headers, body);
    expect([response.status, await codeOf(response)]).toEqual([400, "invalid_argument"]);
    expect((await send("HEAD", channel)).status).toBe(404);
  });
});

describe("appends from many at once", () => {
  const COUNT = 90;
  const writers = Array.from({ length: COUNT }, (_, n) => n);
  const textOf = async (channel: string) => (await send("GET", channel)).text();

  it("are each answered with the offset behind its own", async () => {
    const channel = newChannel();
    await send("PUT", channel, TEXT);
    const answers = await Promise.all(writers.map((n) => send("POST", channel, TEXT, `${n};`)));
    expect(answers.map(({ status }) => status)).toEqual(writers.map(() => 204));
    const offsets = answers.map(({ headers }) => headers.get("stream-next-offset") ?? "");
    expect(new Set(offsets).size).toBe(COUNT);
    const byOffset = writers.toSorted((a, b) => ((offsets[a] ?? "") < (offsets[b] ?? "") ? -1 : 1));
    expect(await textOf(channel)).toBe(byOffset.map((n) => `${n};`).join(""));
  });

  it("have one winner of each Stream-Seq, and never go back", async () => {
    const channel = newChannel();
    await send("PUT", channel, TEXT);
    const sequenceOf = (n: number) => String(Math.floor(n / 3)).padStart(3, "0");
    const answers = await Promise.all(
      writers.map((n) =>
        send("POST", channel, { ...TEXT, "stream-seq": sequenceOf(n) }, `${sequenceOf(n)};`),
      ),
    );
    const taken = writers.filter((n) => answers[n]?.status === 204).map(sequenceOf);
    expect(answers.every(({ status }) => status === 204 || status === 409)).toBe(true);
    expect(new Set(taken).size).toBe(taken.length);
    expect(taken.length).toBeGreaterThan(0);
    expect(await textOf(channel)).toBe(
      taken
        .toSorted()
        .map((one) => `${one};`)
        .join(""),
    );
  });

  it("are stored once for each sequence of a producer, though all are sent three times", async () => {
    const channel = newChannel();
    await send("PUT", channel, TEXT);
    const post = (sequence: number) =>
      send(
        "POST",
        channel,
        { ...TEXT, "producer-id": "p", "producer-epoch": "0", "producer-seq": String(sequence) },
        `${sequence};`,
      );
    const statuses = new Set<number>();
    // A producer goes on from the gap that it is told of, as its client does.
    for (let next = 0, last = 30; next < last; ) {
      const sequences = Array.from({ length: Math.min(10, last - next) }, (_, n) => next + n);
      const answers = await Promise.all([...sequences, ...sequences, ...sequences].map(post));
      for (const { status } of answers) statuses.add(status);
      const accepted = answers.map(({ headers, status }) =>
        status === 409
          ? Number(headers.get("producer-expected-seq")) - 1
          : Number(headers.get("producer-seq")),
      );
      next = Math.max(...accepted) + 1;
    }
    expect([...statuses].every((status) => [200, 204, 409].includes(status))).toBe(true);
    expect(await textOf(channel)).toBe(Array.from({ length: 30 }, (_, n) => `${n};`).join(""));
  });

  it("are refused behind the one that closes, and those of another type by themselves", async () => {
    const channel = newChannel();
    await send("PUT", channel, TEXT);
    const answers = await Promise.all(
      writers.map((n) => {
        if (n === 40) return send("POST", channel, { ...TEXT, "stream-closed": "true" }, `${n};`);
        return send("POST", channel, n % 10 === 5 ? { "content-type": "text/html" } : TEXT, `${n};`);
      }),
    );
    const taken = writers.filter((n) => answers[n]?.status === 204);
    expect(taken).toContain(40);
    for (const n of writers.filter((one) => !taken.includes(one))) {
      expect(answers[n]?.status).toBe(409);
      const isOtherType = n % 10 === 5;
      if (!isOtherType) expect(answers[n]?.headers.get("stream-closed")).toBe("true");
    }
    const read = await send("GET", channel);
    const text = await read.text();
    expect(read.headers.get("stream-closed")).toBe("true");
    expect(text.endsWith("40;")).toBe(true);
    expect(
      text
        .split(";")
        .slice(0, -1)
        .map(Number)
        .toSorted((a, b) => a - b),
    ).toEqual(taken);
  });
});
