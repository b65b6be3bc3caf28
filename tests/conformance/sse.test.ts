import { connect } from "node:net";
import { EventSource } from "eventsource";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createCuttableProxy } from "./cuttable-proxy.ts";
import { http } from "./doors/http.ts";
import type { Block } from "./doors/sse.ts";
import { readBlocks, sse } from "./doors/sse.ts";
import { Received } from "./received-events.ts";
import type { ServedTarget } from "./serve-target.ts";
import { serveTarget } from "./serve-target.ts";

let server: ServedTarget;
beforeAll(async () => {
  server = await serveTarget({ HEARTBEAT_SECONDS: "1" });
});
afterAll(() => server.stop());

const publish = (channel: string, data: unknown, type = "t") =>
  http.publish?.(server, channel, { type, data });

async function codeOf(response: Response): Promise<string> {
  return ((await response.json()) as { error: { code: string } }).error.code;
}

/** Opens a stream raw, and gives its blocks one by one. */
async function open(path: string, headers: Record<string, string> = {}) {
  const connection = new AbortController();
  const response = await fetch(server.url + path, { headers, signal: connection.signal });
  if (response.body === null) throw new Error("The stream has no body.");
  const blocks = readBlocks(response.body);
  return {
    response,
    close: () => connection.abort(),
    async nextWhere(matches: (block: Block) => boolean): Promise<Block> {
      for (;;) {
        const { value, done } = await blocks.next();
        if (done) throw new Error("The stream ended.");
        if (matches(value)) return value;
      }
    },
    async rest(): Promise<Block[]> {
      return Array.fromAsync(blocks);
    },
  };
}

const hasData = (block: Block) => block.data !== undefined;
const hasId = (block: Block) => block.id !== undefined;

describe("an event stream", () => {
  it("begins at once, with a retry hint and the reader's position", async () => {
    const stream = await open("/sse/demo/quiet");
    expect(stream.response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
    expect(stream.response.headers.get("cache-control")).toBe("no-store, no-transform");
    const position = await stream.nextWhere(hasId);
    expect(position.data).toBeUndefined();
    stream.close();
  });

  it("sends each event with its sequence, its type and the whole CloudEvent on one line", async () => {
    const stream = await open("/sse/demo/shape");
    const published = await publish("demo/shape", { text: "a\nb" }, "greeting");
    const block = await stream.nextWhere(hasData);
    expect(block).toMatchObject({ id: published?.sequence, event: "greeting" });
    expect(JSON.parse(block.data ?? "")).toMatchObject({ specversion: "1.0", data: { text: "a\nb" } });
    stream.close();
  });

  it("sends heartbeats", async () => {
    const stream = await open("/sse/demo/heartbeat");
    await stream.nextWhere((block) => block.comments.includes("heartbeat"));
    await stream.nextWhere((block) => block.comments.includes("heartbeat"));
    stream.close();
  });

  it("prefers Last-Event-ID to the query, as an EventSource reconnects to the URL it began with", async () => {
    const sequences = [];
    for (let n = 0; n < 3; n += 1) sequences.push((await publish("demo/prefer", n))?.sequence ?? "");
    const [first = "", second = ""] = sequences;
    const header = await open(`/sse/demo/prefer?after=earliest&lastEventId=${first}`, {
      "last-event-id": second,
    });
    expect((await header.nextWhere(hasData)).id).toBe(sequences[2]);
    const query = await open(`/sse/demo/prefer?after=earliest&lastEventId=${first}`);
    expect((await query.nextWhere(hasData)).id).toBe(second);
    header.close();
    query.close();
  });

  it("sends ephemeral events without an id", async () => {
    const stream = await open("/sse/demo/typing");
    await stream.nextWhere(hasId);
    await fetch(`${server.url}/channels/demo/typing`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: '{"type":"chat.typing"}',
    });
    expect(await stream.nextWhere(hasData)).toMatchObject({ id: undefined, event: "chat.typing" });
    stream.close();
  });

  it("tells of a gap first, and goes on from where it says", async () => {
    const published = await publish("demo/gap", 1);
    const stream = await open("/sse/demo/gap", { "last-event-id": "000000000001-0000000001" });
    const gap = await stream.nextWhere(hasData);
    expect(gap.event).toBe("everywire.gap");
    expect(JSON.parse(gap.data ?? "").data.resumedAt).toBe(gap.id);
    expect((await stream.nextWhere(hasData)).id).toBe(published?.sequence);
    stream.close();
  });

  it("resumes after a cut before the first event, from the position alone", async () => {
    const reader = await sse.read?.(server, "demo/early");
    await reader?.cut();
    await publish("demo/early", "missed");
    const again = await sse.read?.(server, "demo/early", reader?.cursor);
    expect((await again?.next())?.event.data).toBe("missed");
    await again?.cut();
  });
});

describe("a real EventSource", () => {
  it("opens before any event, and resumes by itself after its connection was cut, without gap or repeat", async () => {
    const channel = "demo/source";
    const received = new Received<unknown>();
    const opened = new Received<Event>();
    const proxy = await createCuttableProxy(server.url);
    const source = new EventSource(`${proxy.url}/sse/${channel}`);
    source.addEventListener("open", (event) => opened.push(event));
    source.addEventListener("t", (event) => received.push(JSON.parse(event.data).data));
    await opened.next();
    for (let n = 0; n < 3; n += 1) await publish(channel, n);
    for (let n = 0; n < 3; n += 1) expect(await received.next()).toBe(n);
    proxy.cut();
    for (let n = 3; n < 6; n += 1) await publish(channel, n);
    for (let n = 3; n < 6; n += 1) expect(await received.next()).toBe(n);
    expect(proxy.connections).toBe(2);
    source.close();
    await proxy.stop();
  });

  it("sends a token in the query", async () => {
    const { token } = await server.signIn("alice");
    const source = new EventSource(`${server.url}/sse/rooms/lobby?access_token=${token}`);
    await new Promise((resolve, reject) => {
      source.onopen = resolve;
      source.onerror = reject;
    });
    source.close();
  });
});

describe("a stream of several channels", () => {
  const path = "/sse?channel=demo/multi/b&channel=demo/multi/a&channel=demo/multi/b";

  it("resumes every channel from one composite id, in order within each", async () => {
    const stream = await open(path);
    await stream.nextWhere(hasId);
    await publish("demo/multi/a", "a1");
    const cut = await stream.nextWhere(hasData);
    expect(cut.id?.split(".")).toHaveLength(2);
    stream.close();
    await publish("demo/multi/b", "b1");
    await publish("demo/multi/a", "a2");
    await publish("demo/multi/b", "b2");
    const again = await open(path, { "last-event-id": cut.id ?? "" });
    const seen: string[] = [];
    for (let n = 0; n < 3; n += 1) {
      const block = await again.nextWhere(hasData);
      seen.push(JSON.parse(block.data ?? "").data);
    }
    expect([...seen].sort()).toEqual(["a2", "b1", "b2"]);
    expect(seen.indexOf("b1")).toBeLessThan(seen.indexOf("b2"));
    again.close();
  });

  it("never counts an event as sent that was not: any id resumes without gap or repeat", async () => {
    const channels = ["demo/many/a", "demo/many/b", "demo/many/c"];
    for (let n = 0; n < 10; n += 1) await Promise.all(channels.map((channel) => publish(channel, n)));
    const query = channels.map((channel) => `channel=${channel}`).join("&");
    const readAll = async (after: string, count: number) => {
      const stream = await open(`/sse?${query}`, { "last-event-id": after });
      const blocks: { id: string; key: string }[] = [];
      while (blocks.length < count) {
        const block = await stream.nextWhere(hasData);
        const event = JSON.parse(block.data ?? "");
        blocks.push({ id: block.id ?? "", key: `${event.subject} ${event.data}` });
      }
      stream.close();
      return blocks;
    };
    const all = await readAll("earliest", 30);
    for (const at of [0, 7, 15, 28]) {
      const rest = await readAll(all[at]?.id ?? "", 29 - at);
      expect([...all.slice(0, at + 1), ...rest].map((block) => block.key).sort()).toEqual(
        channels.flatMap((channel) => Array.from({ length: 10 }, (_, n) => `${channel} ${n}`)).sort(),
      );
    }
  });

  it.each([
    ["/sse", undefined],
    ["/sse?channel=demo/a&channel=..", undefined],
    [path, "0mi9x2k4qz7f-00000001a3"],
    [path, "0mi9x2k4qz7f-00000001a3.0mi9x2k4qz7f-00000001a3.0mi9x2k4qz7f-00000001a3"],
    [path, "nonsense.0mi9x2k4qz7f-00000001a3"],
    [path, "..."],
    [`/sse?${Array.from({ length: 17 }, (_, n) => `channel=demo/${n}`).join("&")}`, undefined],
    ["/sse/demo/a", "0mi9x2k4qz7f-00000001a3.0mi9x2k4qz7f-00000001a3"],
    ["/sse/demo/a", "nonsense"],
    ["/sse/demo/a%2fb", undefined],
  ])("%s after %s is 400 invalid_argument", async (target, after) => {
    const response = await fetch(
      server.url + target,
      after === undefined ? {} : { headers: { "last-event-id": after } },
    );
    expect(response.status).toBe(400);
    expect(await codeOf(response)).toBe("invalid_argument");
  });
});

describe("the end of a stream", () => {
  it("comes when the token expires, with the code", async () => {
    const { token } = await server.signIn("bob", { expiresIn: 3 });
    const stream = await open("/sse/rooms/lobby", { authorization: `Bearer ${token}` });
    const last = (await stream.rest()).at(-1);
    expect(last).toMatchObject({ id: undefined, event: "everywire.error" });
    expect(JSON.parse(last?.data ?? "").code).toBe("unauthenticated");
  });

  it("comes when the channel is closed, after the last event, for readers that wait and for those that come", async () => {
    const url = `${server.url}/v1/stream/demo/closed`;
    const headers = { "content-type": "text/plain" };
    await fetch(url, { method: "PUT", headers });
    const waiting = await sse.read?.(server, "demo/closed", "earliest");
    await fetch(url, { method: "POST", headers, body: "one" });
    await fetch(url, { method: "POST", headers: { ...headers, "stream-closed": "true" }, body: "two" });
    const late = await sse.read?.(server, "demo/closed", "earliest");
    for (const reader of [waiting, late]) {
      const data = [(await reader?.next())?.event, (await reader?.next())?.event].map(
        (event) => event?.data ?? Buffer.from(String(event?.data_base64), "base64").toString(),
      );
      expect(data).toEqual(["one", "two"]);
      await expect(reader?.next()).rejects.toMatchObject({ code: "gone" });
    }
  });

  it("comes when the channel is deleted", async () => {
    await publish("demo/doomed", 1);
    const reader = await sse.read?.(server, "demo/doomed");
    await fetch(`${server.url}/channels/demo/doomed`, { method: "DELETE" });
    await expect(reader?.next()).rejects.toMatchObject({ code: "gone" });
  });

  it("comes for a reader that takes nothing, while others go on", async () => {
    const channel = "demo/slow";
    const { hostname, port } = new URL(server.url);
    const socket = connect(Number(port), hostname);
    const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
    socket.on("error", () => {});
    socket.write(`GET /sse/${channel} HTTP/1.1\r\nHost: ${hostname}\r\n\r\n`);
    await new Promise((resolve) => socket.once("data", resolve));
    socket.pause();
    const other = await sse.read?.(server, channel);
    const data = "x".repeat(200 * 1024);
    for (let n = 0; n < 80; n += 1) await publish(channel, data);
    for (let n = 0; n < 80; n += 1) await other?.next();
    // Cut after three heartbeats of a second; what the kernel holds is still there to be read.
    await publish(channel, "after");
    await new Promise((resolve) => setTimeout(resolve, 5000));
    let text = "";
    socket.on("data", (bytes) => {
      text = (text + bytes.toString("latin1")).slice(-2000);
    });
    socket.resume();
    await closed;
    expect(text).not.toContain('"after"');
    expect((await other?.next())?.event.data).toBe("after");
    await other?.cut();
  });
});

describe("a reader that leaves", () => {
  const readersOf = async (channel: string) =>
    ((await (await fetch(`${server.url}/channels/${channel}/presence`)).json()) as { readers: number })
      .readers;

  it("is gone from the channel's readers within the patience of its heartbeats", async () => {
    const channel = "demo/leaving";
    const streams = await Promise.all(Array.from({ length: 20 }, () => open(`/sse/${channel}`)));
    for (const stream of streams) await stream.nextWhere(hasId);
    expect(await readersOf(channel)).toBe(20);
    for (const stream of streams) stream.close();
    await expect.poll(() => readersOf(channel), { timeout: 5000 }).toBe(0);
  });

  it("never was one where it asked by HEAD, which is answered as GET is", async () => {
    const channel = "demo/head";
    const head = await fetch(`${server.url}/sse/${channel}`, { method: "HEAD" });
    const stream = await open(`/sse/${channel}`);
    const namesOf = ({ headers }: Response) =>
      [...headers.keys()].filter((name) => !["connection", "transfer-encoding", "keep-alive"].includes(name));
    expect([head.status, namesOf(head)]).toEqual([200, namesOf(stream.response)]);
    stream.close();
    await expect.poll(() => readersOf(channel), { timeout: 5000 }).toBe(0);
  });
});

describe("a reader that is far behind", () => {
  it("is given all of it in order, and goes on with what comes meanwhile", async () => {
    const channel = "demo/behind";
    const post = async (from: number, count: number) => {
      const lines = Array.from({ length: count }, (_, n) =>
        JSON.stringify({ type: "t", data: { n: from + n, text: "x".repeat(1000) } }),
      );
      await (
        await fetch(`${server.url}/stream/${channel}`, {
          method: "POST",
          headers: { "content-type": "application/x-ndjson" },
          body: lines.join("\n"),
        })
      ).text();
    };
    await post(0, 3000);
    const reader = await sse.read?.(server, channel, "earliest");
    await post(3000, 500);
    for (let n = 0; n < 3500; n += 1) expect((await reader?.next())?.event.data).toMatchObject({ n });
    await post(3500, 1);
    expect((await reader?.next())?.event.data).toMatchObject({ n: 3500 });
    await reader?.cut();
  });
});

describe("what a client accepts", () => {
  it.each(["application/json", "text/event-stream;q=0", "text/html, application/json"])(
    "%s is 406",
    async (accept) => {
      const response = await fetch(`${server.url}/sse/demo/a`, { headers: { accept } });
      expect(response.status).toBe(406);
      expect(await codeOf(response)).toBe("not_acceptable");
    },
  );

  it("asks an anonymous reader to sign in", async () => {
    const response = await fetch(`${server.url}/sse?channel=demo/a&channel=rooms/lobby`);
    expect(response.status).toBe(401);
  });
});
