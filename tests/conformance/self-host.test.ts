import { once } from "node:events";
import { readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { connect } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { PAGE } from "../../scripts/paths.ts";
import { serve } from "../../scripts/serve.ts";
import { Clock } from "../../self-host/clock.ts";
import { openControl } from "../../self-host/control-client.ts";
import type { Published, Reader } from "./door-driver.ts";
import { publishers, readers } from "./doors.ts";
import type { SelfHosted } from "./self-hosted.ts";
import { askThroughOutbound, startSelfHosted } from "./self-hosted.ts";

/** They stand before the Worker, and are tested with it elsewhere. */
const GATEWAY_DOORS = new Set(["grpc", "udp", "webtransport"]);
/** They publish to channels of their own, or later. */
const OTHER_CHANNELS = new Set(["webhooks", "queue"]);

const http = pick(publishers, "http");
const sse = pick(readers, "sse");
const mqttOverTcp = pick(readers, "mqtt");

function pick<Door extends { readonly name: string }>(doors: readonly Door[], name: string): Door {
  const door = doors.find((candidate) => candidate.name === name);
  if (door === undefined) throw new Error(`The suite drives no door ${name}.`);
  return door;
}

describe("the Worker under plain workerd", () => {
  let target: SelfHosted;
  const directories: string[] = [];
  beforeAll(async () => {
    // Of the readers of a channel one stays with it, and the others are on relays.
    target = await startSelfHosted({ RELAY_AFTER: "1", RELAY_SOCKETS: "3" });
    directories.push(target.stateDirectory);
  }, 60_000);
  afterAll(async () => {
    target?.process.signal("SIGKILL");
    await Promise.all(directories.map((path) => rm(path, { recursive: true, force: true })));
  });

  it("reads through every door what was published through every door", async () => {
    const channel = "demo/self-host/all";
    const published: Published[] = [];
    for (const door of publishers) {
      if (GATEWAY_DOORS.has(door.name) || OTHER_CHANNELS.has(door.name)) continue;
      published.push(await door.publish(target, channel, { type: "test.event", data: door.name }));
    }
    expect(published.length).toBeGreaterThan(8);
    const expected = published.map(({ sequence }) => sequence);
    const open: Reader[] = [];
    const reading = readers.filter(({ name }) => !GATEWAY_DOORS.has(name) && !OTHER_CHANNELS.has(name));
    const read = await Promise.all(
      reading.map(async (door) => {
        const reader = await door.read(target, channel, "earliest");
        open.push(reader);
        const sequences: (string | undefined)[] = [];
        for (const _ of expected) sequences.push((await reader.next()).sequence);
        return [door.name, sequences];
      }),
    );
    await Promise.all(open.map((reader) => reader.cut()));
    expect(Object.fromEntries(read)).toEqual(Object.fromEntries(reading.map(({ name }) => [name, expected])));
  });

  it("is ready, has a queue without an account, and serves the page with its types", async () => {
    const ready = (await (await fetch(`${target.url}/ready`)).json()) as object;
    expect(ready).toMatchObject({ status: "ok", dependencies: { queue: "ok" } });
    const page = await fetch(target.url, { headers: { accept: "text/html" } });
    expect(page.headers.get("content-type")).toBe("text/html; charset=utf-8");
    const [, script] = /src="(\/assets\/[^"]+\.js)"/.exec(await page.text()) ?? [];
    const asset = await fetch(`${target.url}${script}`);
    expect(asset.status).toBe(200);
    expect(asset.headers.get("content-type")).toBe("text/javascript; charset=utf-8");
    expect(await asset.text()).toBe(await readFile(join(PAGE, script ?? ""), "utf8"));
    const etag = asset.headers.get("etag") ?? "";
    const again = await fetch(`${target.url}${script}`, { headers: { "if-none-match": etag } });
    expect([again.status, await again.text()]).toEqual([304, ""]);
  });

  it("queues through the stand-in beside it, which no port leads to", async () => {
    const channel = "demo/self-host/queued";
    const reader = await sse.read(target, channel, "earliest");
    const queued = await fetch(`${target.url}/queue/${channel}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ type: "test.queued", data: 1 }),
    });
    expect(queued.status).toBe(202);
    expect((await reader.next()).event).toMatchObject({ type: "test.queued", data: 1 });
    await reader.cut();
  });

  it("calls the Worker's schedule, at whose time nobody else would", async () => {
    const control = openControl(join(target.stateDirectory, "control.sock"), "/scheduled?cron=*");
    control.begin();
    await control.done;
    const due: string[] = [];
    const called = Promise.withResolvers<void>();
    const clock = new Clock(["* * * * * *"], async (cron) => {
      due.push(cron);
      called.resolve();
    });
    await called.promise;
    clock.stop();
    expect(due).toEqual(["* * * * * *"]);
  });

  it("tells its readers at SIGTERM where to go on, answers who waits, and keeps all that was answered", async () => {
    const channel = "demo/self-host/stop";
    const { sequence } = await http.publish(target, channel, { type: "test.event", data: 1 });
    const streamed = await fetch(`${target.url}/sse/${channel}`);
    const poll = fetch(`${target.url}/poll/${channel}?timeout=60&after=${sequence}`);
    const socket = new WebSocket(`${target.url.replace("http", "ws")}/ws/${channel}`);
    await once(socket, "open");
    const mqtt = await mqttOverTcp.read(target, channel);
    const streaming = ["connect", "grpc-web", "graphql", "json-rpc", "stream"];
    const others = await Promise.all(streaming.map((name) => pick(readers, name).read(target, channel)));
    const lines = connect(target.tcpPorts?.TCP_PORT ?? 0, "127.0.0.1");
    lines.write(`${JSON.stringify({ op: "subscribe", channel, ref: 1 })}\n`);
    let written = "";
    lines.on("data", (chunk: Buffer) => (written += chunk.toString()));
    const linesEnded = once(lines, "end");
    await once(lines, "data");
    const closeFrame = once((socket as unknown as { _receiver: NodeJS.EventEmitter })._receiver, "conclude");
    // Two round trips after the poll was sent: it waits by now.
    const last = await http.publish(target, "demo/self-host/other", { type: "test.event", data: 2 });

    target.process.signal("SIGTERM");
    expect(await streamed.text()).toContain(
      'event: everywire.error\ndata: {"code":"unavailable","message":"The server restarts: go on from your last cursor."}',
    );
    const [code, reason] = await closeFrame;
    expect([code, String(reason)]).toEqual([1012, "The server restarts: go on from your last cursor."]);
    expect(await (await poll).json()).toMatchObject({ events: [], next: sequence, timeout: true });
    await expect(mqtt.next()).rejects.toThrow();
    for (const reader of others) await expect(reader.next()).rejects.toThrow("The server restarts");
    await linesEnded;
    expect(written).toContain(
      '"code":"unavailable","message":"The server restarts: go on from your last cursor."',
    );
    socket.terminate();
    const { code: exitCode, stderr } = await target.process.ended;
    expect(exitCode, stderr).toBe(0);

    target = await startSelfHosted({}, target.stateDirectory);
    const reader = await sse.read(target, "demo/self-host/other", "earliest");
    expect((await reader.next()).sequence).toBe(last.sequence);
    const next = await http.publish(target, "demo/self-host/other", { type: "test.event", data: 3 });
    expect((await reader.next()).sequence).toBe(next.sequence);
    expect(next.sequence > last.sequence).toBe(true);
    await reader.cut();
  });

  it("opens the state that npm start wrote", async () => {
    target.process.signal("SIGTERM");
    await target.process.ended;
    const served = await serve({
      port: 0,
      stateDirectory: target.stateDirectory,
      environment: { ANONYMOUS_CHANNELS: "demo/**" },
    });
    const written = await http.publish({ url: served.url }, "demo/self-host/moved", { type: "a", data: 1 });
    await served.stop();
    target = await startSelfHosted({}, target.stateDirectory);
    const reader = await sse.read(target, "demo/self-host/moved", "earliest");
    expect((await reader.next()).sequence).toBe(written.sequence);
    await reader.cut();
  });

  it("reaches private addresses only where the operator named one", async () => {
    const own = createServer((_, response) => response.end("inside")).listen(0, "127.0.0.1");
    await once(own, "listening");
    const url = `http://127.0.0.1:${(own.address() as AddressInfo).port}`;
    try {
      expect(await askThroughOutbound(url, {})).not.toContain("inside");
      // As a name: what counts is the address that it leads to.
      expect(await askThroughOutbound(url.replace("127.0.0.1", "localhost"), {})).not.toContain("inside");
      expect(await askThroughOutbound(url, { UPSTASH_REDIS_REST_URL: "http://127.0.0.1:1" })).not.toContain(
        "inside",
      );
      expect(await askThroughOutbound(url, { UPSTASH_REDIS_REST_URL: url })).toBe("inside");
      expect(await askThroughOutbound(url, { ALLOW_PRIVATE_WEBHOOKS: "true" })).toBe("inside");
    } finally {
      own.close();
    }
  });

  it("names what it cannot start with", async () => {
    const refused = startSelfHosted({ PUBLISHES_PER_SECOND: "many" });
    await expect(refused).rejects.toThrow("PUBLISHES_PER_SECOND");
  });
});
