import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Target } from "./door-driver.ts";
import { http } from "./doors/http.ts";
import type { LineSocket } from "./doors/tcp.ts";
import { connectLines } from "./doors/tcp.ts";
import type { ServedTarget } from "./serve-target.ts";
import { serveTarget } from "./serve-target.ts";

let served: ServedTarget;
const open: LineSocket[] = [];
beforeAll(async () => {
  served = await serveTarget();
}, 60_000);
afterAll(async () => {
  for (const { socket } of open) socket.destroy();
  await served.stop();
});

const connectTo = async (target: Target = served) => {
  const lines = await connectLines(target);
  open.push(lines);
  return lines;
};
const newChannel = () => `demo/${randomUUID()}`;

/** What comes back for some text, when the client has closed its half. */
async function exchange(input: string | Buffer): Promise<Record<string, unknown>[]> {
  const socket = connect({ host: "127.0.0.1", port: served.tcpPorts?.TCP_PORT ?? 0, allowHalfOpen: true });
  socket.end(input);
  const answer = await text(socket);
  return answer
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe("a connection", () => {
  it("answers each line in order, and closes when the client has closed its half", async () => {
    const channel = newChannel();
    const lines = Array.from({ length: 50 }, (_, n) =>
      JSON.stringify({ op: "publish", channel, type: "t", data: n, ref: n }),
    );
    const answers = await exchange(`${lines.join("\n")}\n{"op":"ping","ref":"last"}`);
    expect(answers.map(({ op, ref }) => [op, ref])).toEqual([
      ...lines.map((_, n) => ["ack", n]),
      ["pong", "last"],
    ]);
    const sequences = answers.slice(0, 50).map(({ sequence }) => String(sequence));
    expect([...sequences].sort()).toEqual(sequences);
  });

  it("goes on with what it follows after the client has closed its half", async () => {
    const channel = newChannel();
    const { socket, events, ask } = await connectTo();
    await ask({ op: "subscribe", channel });
    socket.end();
    const published = await http.publish?.(served, channel, { type: "t", data: 1 });
    expect((await events.next()).sequence).toBe(published?.sequence);
  });

  it("sends nothing but events for a subscription whose line has no ref", async () => {
    const channel = newChannel();
    await http.publish?.(served, channel, { type: "t", data: "first" });
    const { socket, send } = await connectTo();
    const chunk = once(socket, "data");
    send({ op: "subscribe", channel, after: "earliest" });
    const [line] = (await chunk) as [string];
    expect(JSON.parse(line)).toMatchObject({ specversion: "1.0", subject: channel, data: "first" });
  });

  it("follows several channels, and stops when it is told to", async () => {
    const [one, two] = [newChannel(), newChannel()];
    const { events, ask, answers, send } = await connectTo();
    await ask({ op: "subscribe", channel: one });
    await ask({ op: "subscribe", channel: two });
    await http.publish?.(served, one, { type: "t", data: 1 });
    await http.publish?.(served, two, { type: "t", data: 2 });
    const subjects = [(await events.next()).event.subject, (await events.next()).event.subject];
    expect(subjects.sort()).toEqual([one, two].sort());

    expect(await ask({ op: "unsubscribe", channel: one })).toMatchObject({
      op: "unsubscribed",
      channel: one,
    });
    await http.publish?.(served, one, { type: "t", data: 3 });
    await http.publish?.(served, two, { type: "t", data: 4 });
    expect((await events.next()).event).toMatchObject({ subject: two, data: 4 });

    send({ op: "unsubscribe", channel: one, ref: 7 });
    expect(await answers.next()).toMatchObject({ op: "error", code: "not_found", ref: 7 });
    send({ op: "subscribe", channel: two, ref: 8 });
    expect(await answers.next()).toMatchObject({ op: "error", code: "already_exists", ref: 8 });
  });

  it("is told when what it follows was deleted, and lives on", async () => {
    const channel = newChannel();
    await http.publish?.(served, channel, { type: "t" });
    const { ask, answers } = await connectTo();
    await ask({ op: "subscribe", channel });
    await fetch(`${served.url}/channels/${channel}`, { method: "DELETE" });
    expect(await answers.next()).toMatchObject({ op: "error", code: "gone", channel });
    expect(await ask({ op: "ping" })).toMatchObject({ op: "pong" });
  });
});

describe("hello", () => {
  it("says who one is, for all that follows", async () => {
    const alice = await served.signIn("alice");
    const { ask } = await connectTo();
    const publish = { op: "publish", channel: "rooms/tcp", type: "t" };
    await expect(ask(publish)).rejects.toMatchObject({ code: "unauthenticated" });
    expect(await ask({ op: "hello", token: alice.token })).toMatchObject({ op: "hello" });
    expect(await ask(publish)).toMatchObject({ op: "ack" });
    const admins = { op: "publish", channel: "news", type: "t" };
    await expect(ask(admins)).rejects.toMatchObject({ code: "permission_denied" });
    await expect(ask({ op: "hello", token: "garbage" })).rejects.toMatchObject({ code: "unauthenticated" });
    await expect(ask({ op: "hello" })).rejects.toMatchObject({ code: "invalid_argument" });
    const bob = await served.signIn("bob");
    await expect(ask({ op: "hello", token: bob.token })).rejects.toMatchObject({ code: "permission_denied" });
    expect(await ask(publish)).toMatchObject({ op: "ack" });
  });

  it("ends with its token, unless a newer one was sent meanwhile", async () => {
    const short = await served.signIn("carol", { expiresIn: 2 });
    const { ask, answers } = await connectTo(short);
    await ask({ op: "subscribe", channel: "rooms/expiry" });
    expect(await answers.next()).toMatchObject({ op: "error", code: "unauthenticated" });
    await expect(answers.next()).rejects.toThrow(/closed/);

    const [first, second] = [
      await served.signIn("dave", { expiresIn: 2 }),
      await served.signIn("dave", { expiresIn: 60 }),
    ];
    const renewed = await connectTo(first);
    await renewed.ask({ op: "hello", token: second.token });
    await expect(renewed.answers.next(2500)).rejects.toThrow(/Nothing came/);
    expect(await renewed.ask({ op: "ping" })).toMatchObject({ op: "pong" });
  });
});

describe("bad input", () => {
  const cases: readonly [string, string | Buffer][] = [
    ["no JSON", "hello?"],
    ["no object", "[1,2]"],
    ["null", "null"],
    ["no operation", "{}"],
    ["an unknown operation", '{"op":"destroy"}'],
    ["no channel", '{"op":"publish","type":"t"}'],
    ["a bad channel", '{"op":"publish","channel":"a//b","type":"t"}'],
    ["no type", '{"op":"publish","channel":"demo/a"}'],
    ["a reserved type", '{"op":"publish","channel":"demo/a","type":"everywire.gap"}'],
    ["a bad cursor", '{"op":"subscribe","channel":"demo/a","after":"yesterday"}'],
    ["what is not UTF-8", Buffer.from([0x22, 0xff, 0xfe, 0x22])],
    ["an HTTP request", "GET / HTTP/1.1\r\nHost: x"],
    ["a TLS hello", Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01])],
  ];
  it.each(cases)("is answered by an error and survived: %s", async (_, input) => {
    const answers = await exchange(Buffer.concat([Buffer.from(input), Buffer.from('\n{"op":"ping"}\n')]));
    expect(answers.length).toBeGreaterThan(1);
    for (const answer of answers.slice(0, -1)) {
      expect(answer).toMatchObject({ op: "error", code: "invalid_argument" });
    }
    expect(answers.at(-1)).toMatchObject({ op: "pong" });
  });

  it("names the line that an error is for", async () => {
    const [answer] = await exchange('{"op":"publish","channel":"demo/a","ref":"mine"}\n');
    expect(answer).toMatchObject({ op: "error", ref: "mine", code: "invalid_argument" });
  });

  it("skips a line that is too long, and takes the next", async () => {
    const answers = await exchange(`{"op":"${"x".repeat(2_000_000)}"}\n{"op":"ping"}\n`);
    expect(answers).toEqual([
      expect.objectContaining({ op: "error", code: "payload_too_large" }),
      { op: "pong" },
    ]);
  });

  it("refuses one event among others, and stores the others", async () => {
    const channel = newChannel();
    const publish = (data: unknown, ref: number) =>
      JSON.stringify({ op: "publish", channel, type: "t", data, ref });
    const big = "x".repeat(300_000);
    const answers = await exchange([publish(1, 1), publish(big, 2), publish(3, 3)].join("\n"));
    expect(answers.map(({ op, ref }) => [op, ref])).toEqual([
      ["ack", 1],
      ["error", 2],
      ["ack", 3],
    ]);
    expect(answers[1]).toMatchObject({ code: "payload_too_large" });
  });
});
