import { execFile } from "node:child_process";
import { randomBytes, randomUUID } from "node:crypto";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Reader, Target } from "./door-driver.ts";
import { http } from "./doors/http.ts";
import type { TcpLine } from "./doors/tcp.ts";
import { connectDatagrams, udp } from "./doors/udp.ts";
import { toUrl } from "./http-exchange.ts";
import { startLossyRelay } from "./lossy-relay.ts";
import { orSkipped, whyMissing } from "./missing.ts";
import { Received } from "./received-events.ts";
import type { ServedTarget } from "./serve-target.ts";
import { serveTarget } from "./serve-target.ts";

let served: ServedTarget;
const sockets: { close(): void }[] = [];
beforeAll(async () => {
  served = await serveTarget({ UDP_LEASE_SECONDS: "2", MAX_UDP_HOST_LEASES: "20" }, { withGateway: true });
}, 60_000);
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.close();
});
afterAll(() => served.stop());

const newChannel = () => `demo/${randomUUID()}`;
const publish = async (channel: string, data: unknown) => {
  const published = await http.publish?.(served, channel, { type: "t", data });
  return String(published?.sequence);
};

/** A socket of its own, with the events that come to it. */
async function open(target: Target = served) {
  const events = new Received<TcpLine>();
  const connection = await connectDatagrams(target, (event) => events.push(event));
  sockets.push(connection.socket);
  /** The next one that is no position. */
  const next = async (timeoutMs?: number) => {
    for (;;) {
      const event = await events.next(timeoutMs);
      if (event.op !== "position") return event;
    }
  };
  return { ...connection, events, next, proof: () => connection.proof };
}

describe("a publish", () => {
  it("needs nothing but one datagram, and is acknowledged by one that is no larger", async () => {
    const channel = newChannel();
    const { send, answers } = await open();
    await send(`{"op":"publish","channel":"${channel}","type":"t","data":1}\n`);
    const ack = await answers.next();
    expect(ack).toMatchObject({ op: "ack", sequence: expect.any(String) });
    const page = await fetch(toUrl(served, `/channels/${channel}`, { after: "earliest" }));
    expect(await page.json()).toMatchObject({ events: [{ data: 1, sequence: ack.sequence }] });
  });

  it("that is sent again is a duplicate, and is stored once", async () => {
    const channel = newChannel();
    const { send, answers } = await open();
    const datagram = { op: "publish", channel, type: "t", id: randomUUID(), data: 1 };
    for (let n = 0; n < 3; n += 1) await send(datagram);
    const acks = [await answers.next(), await answers.next(), await answers.next()];
    expect(new Set(acks.map(({ sequence }) => sequence)).size).toBe(1);
    expect(acks.filter(({ duplicate }) => duplicate === true)).toHaveLength(2);
  });

  it("says what it is for, and who one is, in the same datagram", async () => {
    const alice = await served.signIn("alice");
    const { send, answers } = await open();
    const datagram = { op: "publish", channel: "rooms/udp", type: "t", data: "x".repeat(100) };
    await send({ ...datagram, ref: 1 });
    expect(await answers.next()).toMatchObject({ op: "error", ref: 1, code: "unauthenticated" });
    await send({ ...datagram, ref: 2, token: alice.token });
    expect(await answers.next()).toMatchObject({ op: "ack", ref: 2, id: expect.any(String) });
    await send({ ...datagram, ref: 3, token: "garbage" });
    expect(await answers.next()).toMatchObject({ op: "error", ref: 3, code: "unauthenticated" });
    await send({ ...datagram, ref: 4, channel: "news", token: alice.token });
    expect(await answers.next()).toMatchObject({ op: "error", ref: 4, code: "permission_denied" });
  });

  it("has at most what a datagram can carry", async () => {
    const channel = newChannel();
    const { send, answers } = await open();
    const event = (length: number) => ({ op: "publish", channel, type: "t", data: "x".repeat(length) });
    await expect(send(event(70_000))).rejects.toMatchObject({ code: "EMSGSIZE" });
    await send(event(65_000));
    expect(await answers.next()).toMatchObject({ op: "ack" });
  });
});

describe("an address", () => {
  it("is sent nothing but a challenge before it has shown that it receives, and nothing larger than it sent", async () => {
    const channel = newChannel();
    const { send, answers, events, socket } = await open();
    const sizes: number[] = [];
    socket.on("message", (bytes) => sizes.push(bytes.length));
    const request = JSON.stringify({ op: "subscribe", channel, after: "earliest" });
    for (const forged of [{}, { proof: "AAAAAAAA" }, { proof: "" }, { proof: 1 }, { proof: {} }]) {
      await send({ ...JSON.parse(request), ...forged });
      expect(await answers.next()).toEqual({ op: "challenge", proof: expect.any(String) });
    }
    await publish(channel, 1);
    await expect(events.next(400)).rejects.toThrow(/Nothing came/);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(request.length);
  });

  it("cannot use what another one was told", async () => {
    const channel = newChannel();
    const [one, other] = [await open(), await open()];
    await one.ask({ op: "subscribe", channel });
    await other.send({ op: "subscribe", channel, proof: one.proof() });
    expect(await other.answers.next()).toMatchObject({ op: "challenge" });
    // Nor end what another one follows.
    await other.send({ op: "unsubscribe", channel, proof: one.proof() });
    expect(await other.answers.next()).toMatchObject({ op: "challenge" });
    await other.ask({ op: "unsubscribe", channel }).catch((error: unknown) => {
      expect(error).toMatchObject({ code: "not_found" });
    });
    const sequence = await publish(channel, 1);
    expect(await one.next()).toMatchObject({ sequence });
  });

  it.each(["publish", "subscribe", "ping", "nonsense", "{}", "[", "", "\u0000"])(
    "is never answered with more than it sent: %j",
    async (start) => {
      const answered: { readonly sent: number; received: number }[] = [];
      for (const channel of ["demo/a", "rooms/secret", "?"]) {
        const objects = [{ op: start }, { op: start, channel }, { op: start, channel, type: "t" }];
        for (const bytes of [start, ...objects.map((object) => JSON.stringify(object))]) {
          // A socket for each, so that it is known what was answered to which.
          const { send, socket } = await open();
          const exchange = { sent: bytes.length, received: 0 };
          answered.push(exchange);
          socket.removeAllListeners("message");
          socket.on("message", ({ length }) => {
            exchange.received += length;
          });
          await send(bytes);
        }
      }
      const { ask } = await open();
      expect(await ask({ op: "publish", channel: newChannel(), type: "t" })).toMatchObject({ op: "ack" });
      // All that one datagram brought about, not only the longest.
      for (const { sent, received } of answered) expect(received).toBeLessThanOrEqual(sent);
      if (start === "ping") expect(answered.some(({ received }) => received > 0)).toBe(true);
    },
  );
});

describe("a lease", () => {
  it("has each event with the cursor of the one before, and ends when it is not renewed", async () => {
    const channel = newChannel();
    const { ask, next } = await open();
    const begun = await ask({ op: "subscribe", channel });
    expect(begun).toMatchObject({ op: "subscribed", channel, lease: 2, after: expect.any(String) });
    const first = await publish(channel, 1);
    const second = await publish(channel, 2);
    expect(await next()).toMatchObject({ sequence: first, previous: begun.after, data: 1 });
    expect(await next()).toMatchObject({ sequence: second, previous: first, data: 2 });
    expect(await next()).toEqual({ op: "expired", channel, after: second });
    await publish(channel, 3);
    await expect(next(300)).rejects.toThrow(/Nothing came/);
  });

  it("is renewed by the same datagram, and does not begin anew", async () => {
    const channel = newChannel();
    await publish(channel, 1);
    const { ask, next } = await open();
    const begun = await ask({ op: "subscribe", channel, after: "earliest" });
    expect(await next()).toMatchObject({ data: 1 });
    const endsAtMs = Date.now() + 2500;
    while (Date.now() < endsAtMs) {
      const renewed = await ask({ op: "subscribe", channel, after: "earliest" });
      expect(renewed.after).toBe(begun.after);
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    await publish(channel, 2);
    expect(await next()).toMatchObject({ data: 2 });
    expect(await ask({ op: "unsubscribe", channel })).toMatchObject({ op: "unsubscribed", channel });
    await publish(channel, 3);
    await expect(next(300)).rejects.toThrow(/Nothing came/);
  });

  it("sends again what was lost, from the cursor that the reader has", async () => {
    const channel = newChannel();
    const { ask, next, send, proof } = await open();
    const begun = await ask({ op: "subscribe", channel });
    for (let n = 1; n <= 5; n += 1) await publish(channel, n);
    const sequences: unknown[] = [];
    for (let n = 1; n <= 5; n += 1) sequences.push((await next()).sequence);
    // As if all but the first two had been lost.
    await send({ op: "resend", channel, after: sequences[1], proof: proof() });
    for (let n = 3; n <= 5; n += 1) {
      expect(await next()).toMatchObject({ data: n, sequence: sequences[n - 1], previous: sequences[n - 2] });
    }
    // Only what is between, beside what goes on.
    await expect
      .poll(
        async () => {
          await send({ op: "resend", channel, after: sequences[0], until: sequences[2], proof: proof() });
          return next(200).catch(() => undefined);
        },
        { timeout: 5000 },
      )
      .toMatchObject({ data: 2, sequence: sequences[1], previous: sequences[0] });
    expect(await next()).toMatchObject({ data: 3, sequence: sequences[2], previous: sequences[1] });
    await expect(next(200)).rejects.toThrow(/Nothing came/);
    await ask({ op: "subscribe", channel, after: begun.after });
    expect(await next()).toMatchObject({ data: 1, previous: begun.after });
  });

  it("tells a reader of whom nothing is heard where the log is", async () => {
    const channel = newChannel();
    const { ask, events } = await open();
    await ask({ op: "subscribe", channel });
    const sequence = await publish(channel, 1);
    for (;;) {
      const event = await events.next();
      if (event.op === "position" && event.after === sequence) break;
    }
  });

  it("says where to read an event that is too large for a datagram", async () => {
    const channel = newChannel();
    const { ask, next } = await open();
    await ask({ op: "subscribe", channel, maxBytes: 1200 });
    const first = await publish(channel, 1);
    const large = await publish(channel, "x".repeat(100_000));
    const last = await publish(channel, 3);
    expect(await next()).toMatchObject({ sequence: first });
    const notice = await next();
    expect(notice).toMatchObject({
      type: "everywire.too_large",
      sequence: large,
      previous: first,
      data: { bytes: expect.any(Number), maxBytes: 1200, after: first },
    });
    expect(await next()).toMatchObject({ sequence: last, previous: large });
    const { after } = notice.data as { after: string };
    const page = await fetch(toUrl(served, `/channels/${channel}`, { after, limit: "1" }));
    expect(await page.json()).toMatchObject({ events: [{ sequence: large, data: "x".repeat(100_000) }] });
    await expect(ask({ op: "subscribe", channel: newChannel(), maxBytes: 10 })).rejects.toMatchObject({
      code: "invalid_argument",
    });
  });

  it("is refused beyond the number that one host may have", async () => {
    const { ask } = await open();
    const outcomes = [];
    for (let n = 0; n < 30; n += 1) {
      outcomes.push(await ask({ op: "subscribe", channel: newChannel() }).catch((error: unknown) => error));
    }
    expect(outcomes.filter((outcome) => !(outcome instanceof Error)).length).toBeGreaterThan(0);
    expect(outcomes.at(-1)).toMatchObject({ code: "rate_limited" });
  });
});

it("loses nothing of what is read at once", async () => {
  const channel = newChannel();
  for (let n = 0; n < 20; n += 1) {
    const batch = Array.from({ length: 100 }, (_, index) => ({ type: "t", data: n * 100 + index }));
    await fetch(toUrl(served, `/channels/${channel}`), {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(batch),
    });
  }
  // The leases of the test before may not have ended yet.
  const read = () => udp.read?.(served, channel, "earliest");
  let reader: Reader | undefined;
  await expect
    .poll(
      async () => {
        reader = await read();
        return reader;
      },
      { timeout: 5000 },
    )
    .toBeDefined();
  const taken: unknown[] = [];
  while (taken.length < 2000) taken.push((await reader?.next())?.event.data);
  expect(taken).toEqual(Array.from({ length: 2000 }, (_, n) => n));
  await reader?.cut();
}, 20_000);

it("loses nothing, and stores nothing twice, on a network that loses, doubles and reorders", async () => {
  const relay = await startLossyRelay(served.gateway?.udpPort ?? 0);
  const gateway = served.gateway && { ...served.gateway, udpPort: relay.port };
  const target = { ...served, gateway };
  const channel = newChannel();
  const { ask } = await open(target);
  const reader = await udp.read?.(target, channel, "earliest");
  try {
    const range = Array.from({ length: 200 }, (_, n) => n);
    const acks = await Promise.all(
      range.map((n) => ask({ op: "publish", channel, type: "t", data: n, id: `n${n}` })),
    );
    const taken: unknown[] = [];
    while (taken.length < 200) taken.push((await reader?.next(20_000))?.event.data);
    const page = await fetch(toUrl(served, `/channels/${channel}`, { after: "earliest", limit: "1000" }));
    const { events } = (await page.json()) as { events: { id: string; sequence: string; data: number }[] };
    expect(taken).toEqual(events.map(({ data }) => data));
    expect(new Set(taken).size).toBe(200);
    expect(events.map(({ sequence }) => sequence).sort()).toEqual(
      acks.map(({ sequence }) => sequence).sort(),
    );
    expect(relay.spoiled).toBeGreaterThan(100);
  } finally {
    await reader?.cut();
    relay.stop();
  }
}, 40_000);

const whyNoNc = whyMissing("/usr/bin/nc");

it.skipIf(whyNoNc !== undefined)(
  orSkipped("is spoken to with nc, from a line of the shell", whyNoNc),
  async () => {
    const channel = newChannel();
    const line = JSON.stringify({ op: "publish", channel, type: "greeting", data: "hi" });
    const command = `printf '%s' "$1" | nc -u -w1 127.0.0.1 "$2"`;
    const port = String(served.gateway?.udpPort);
    const { stdout } = await promisify(execFile)("sh", ["-c", command, "sh", line, port]);
    const ack = JSON.parse(stdout) as TcpLine;
    expect(ack).toMatchObject({ op: "ack", sequence: expect.any(String) });
    const page = await fetch(toUrl(served, `/channels/${channel}`, { after: "earliest" }));
    expect(await page.json()).toMatchObject({ events: [{ data: "hi", sequence: ack.sequence }] });
  },
);

it("outlives thousands of random datagrams", async () => {
  const { send, socket } = await open();
  socket.removeAllListeners("message");
  const good = Buffer.from(
    JSON.stringify({ op: "publish", channel: "demo/fuzz", type: "t", proof: "AAAAAAAA", ref: 1 }),
  );
  for (let n = 0; n < 3000; n += 1) {
    const bytes = n % 2 === 0 ? randomBytes(1 + (n % 300)) : Buffer.from(good);
    if (n % 2 === 1)
      for (let k = 0; k < 3; k += 1) bytes[randomBytes(2).readUInt16BE() % bytes.length] = n & 0xff;
    await send(bytes);
  }
  await expect
    .poll(async () => (await open()).ask({ op: "ping" }), { timeout: 10_000 })
    .toMatchObject({ op: "pong" });
});
