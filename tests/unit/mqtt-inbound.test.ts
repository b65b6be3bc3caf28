import { generate } from "mqtt-packet";
import { expect, it, vi } from "vitest";
import { EverywireError } from "../../core/error.ts";
import type { PublishTerms } from "../../core/mqtt-session.ts";
import type { AppendRequest } from "../../core/ports.ts";
import { parseSettings } from "../../core/settings.ts";
import type { Edge } from "../../functions/boundary/edge.ts";
import { Inbound } from "../../functions/mqtt/inbound.ts";
import { splitPackets } from "../../wire/mqtt-frame.ts";
import { decodePublish, encodePublish } from "../../wire/mqtt-publish.ts";

const UTF8 = new TextEncoder();
const publish = (text: string, more: Partial<Parameters<typeof encodePublish>[0]> = {}) =>
  encodePublish(
    {
      topic: "demo/a",
      qos: 1,
      isRetained: false,
      isDuplicate: false,
      packetId: Number(text) || 1,
      properties: {},
      payload: UTF8.encode(text),
      ...more,
    },
    4,
  );
const SUBSCRIBE = generate(
  { cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "demo/a", qos: 1 }] },
  { protocolVersion: 4 },
);
const PUBACK = Uint8Array.of(0x40, 2, 0, 9);

/** What happens, in its order: `session` is sent a packet or settles, the `line` is given events, the `client` answers. */
function start(terms: PublishTerms | undefined = { publisher: undefined }) {
  const happened: string[] = [];
  const settling: PromiseWithResolvers<PublishTerms | undefined>[] = [];
  const appends: (PromiseWithResolvers<void> & { readonly request: AppendRequest })[] = [];
  let isHeld = false;
  const nameOf = (packet: Uint8Array) =>
    (packet[0] ?? 0) >> 4 === 3 ? new TextDecoder().decode(decodePublish(packet, 4).payload) : "other";
  const line = {
    isOpen: true,
    close: () => happened.push("line closed"),
    append: async (request: AppendRequest) => {
      const texts = request.events.map(({ json }) => (JSON.parse(json) as { data: string }).data);
      happened.push(`line: ${texts.join(" ")}`);
      const append = { ...Promise.withResolvers<void>(), request };
      appends.push(append);
      if (!isHeld) append.resolve();
      await append.promise;
      return request.events.map((_, n) => ({ sequence: String(n), duplicate: false }));
    },
  };
  const edge = {
    ports: { channels: { openAppendLine: async () => line } },
    settings: parseSettings({ ANONYMOUS_CHANNELS: "demo/**" }),
  } as unknown as Edge;
  const inbound = new Inbound({
    edge,
    identity: { kind: "anonymous", address: "" },
    version: 4,
    wantsReasons: false,
    session: {
      send: (packets) => {
        for (const packet of packets) happened.push(`session: ${nameOf(packet)}`);
      },
      settle: () => {
        happened.push("settle");
        const asked = Promise.withResolvers<PublishTerms | undefined>();
        settling.push(asked);
        if (!isHeld) asked.resolve(terms);
        return asked.promise;
      },
    },
    send: (bytes) => {
      for (const packet of splitPackets(bytes)) happened.push(`client: ${packet[3]}`);
    },
    onRoom: () => undefined,
    onFault: (thrown) => happened.push(`fault: ${String(thrown)}`),
  });
  return {
    inbound,
    line,
    settling,
    appends,
    /** From now on what is asked for waits. */
    hold: () => {
      isHeld = true;
    },
    /** Publishes until the next goes by the line, and forgets what happened. */
    warm: async () => {
      for (const text of ["91", "92", "93", "94"]) {
        inbound.push([publish(text)]);
        await vi.waitFor(() => expect(inbound.queuedBytes).toBe(0));
      }
      await vi.waitFor(() => expect(happened).toContain("client: 94"));
      happened.length = 0;
    },
    /** What happened since it was last asked. */
    take: async (count: number) => {
      await vi.waitFor(() => expect(happened.length).toBeGreaterThanOrEqual(count));
      await new Promise((resolve) => setTimeout(resolve, 5));
      return happened.splice(0);
    },
  };
}

it("gives the session what comes seldom, and stores what comes often itself", async () => {
  const { inbound, take } = start();
  for (const text of ["1", "2", "3", "4"]) inbound.push([publish(text)]);
  expect(await take(6)).toEqual(["session: 1", "session: 2", "session: 3", "settle", "line: 4", "client: 4"]);
  inbound.push([publish("5"), publish("6")]);
  inbound.push([publish("7")]);
  expect(await take(5)).toEqual(["line: 5 6", "client: 5", "client: 6", "line: 7", "client: 7"]);
});

it("overtakes nothing that the session was sent, but for acknowledgements", async () => {
  const { inbound, warm, hold, settling, appends, take } = start();
  await warm();
  inbound.push([PUBACK, publish("1")]);
  expect(await take(3)).toEqual(["session: other", "line: 1", "client: 1"]);
  hold();
  for (const packet of [SUBSCRIBE, publish("2", { qos: 2 }), publish("3", { isRetained: true })]) {
    inbound.push([packet, publish("4")]);
    expect((await take(2)).slice(1)).toEqual(["settle"]);
    settling.pop()?.resolve({ publisher: undefined });
    expect(await take(1)).toEqual(["line: 4"]);
    // Nor is it overtaken.
    inbound.push([SUBSCRIBE]);
    expect(await take(0)).toEqual([]);
    appends.pop()?.resolve();
    expect(await take(2)).toEqual(["client: 4", "session: other"]);
  }
});

it.each([
  ["QoS 2", { qos: 2 }],
  ["a retained message", { isRetained: true }],
  ["a topic with a wildcard", { topic: "demo/+" }],
  ["a topic of the server's", { topic: "$SYS/a" }],
  ["a topic that its channel does not give back", { topic: `demo/${"ä".repeat(40)}` }],
] as const)("leaves %s to the session", async (_name, more) => {
  const { inbound, take } = start();
  for (let n = 0; n < 10; n += 1) inbound.push([publish("1", more)]);
  expect(await take(10)).toEqual(Array.from({ length: 10 }, () => "session: 1"));
});

it("leaves what is refused to the session, and answers what came behind it after that", async () => {
  const { inbound, line, warm, take } = start();
  await warm();
  const { append } = line;
  line.append = async () => Promise.reject(new EverywireError("rate_limited", "Too fast."));
  inbound.push([publish("1"), publish("2", { qos: 0, packetId: undefined })]);
  expect(await take(2)).toEqual(["session: 1", "session: 2"]);
  // What may have been stored is not stored again at QoS 0.
  line.append = async () => Promise.reject(new EverywireError("unavailable", "Cut off."));
  inbound.push([publish("3"), publish("4", { qos: 0, packetId: undefined })]);
  expect(await take(2)).toEqual(["settle", "session: 3"]);
  line.append = append;
  inbound.push([publish("5")]);
  expect(await take(3)).toEqual(["settle", "line: 5", "client: 5"]);
});

it("says who published where the session has to know its own", async () => {
  const { inbound, appends, warm } = start({ publisher: "mbr_1" });
  await warm();
  inbound.push([publish("1")]);
  await vi.waitFor(() => expect(appends).toHaveLength(2));
  const [event] = appends[1]?.request.events ?? [];
  expect(JSON.parse(event?.json ?? "")).toMatchObject({ mqttpublisher: "mbr_1", mqttqos: 1 });
});

it("stops with what it has begun", async () => {
  const { inbound, warm, hold, appends, take } = start();
  await warm();
  hold();
  inbound.push([publish("1")]);
  inbound.push([publish("2")]);
  let isStopped = false;
  const stopped = inbound.stop().then(() => {
    isStopped = true;
  });
  inbound.push([publish("3")]);
  expect(await take(1)).toEqual(["line: 1"]);
  expect(isStopped).toBe(false);
  appends.pop()?.resolve();
  await stopped;
  expect(await take(1)).toEqual(["client: 1"]);
  await inbound.end();
  expect(await take(1)).toEqual(["line closed"]);
});
