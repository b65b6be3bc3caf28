import { createHmac, randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PROOFS } from "../../functions/door.ts";
import type { Reader, Target } from "./door-driver.ts";
import { doorOf, listClaims, listPublishers, listReaders } from "./doors.ts";
import { toUrl } from "./http-exchange.ts";
import type { ServedTarget } from "./serve-target.ts";
import { serveTarget } from "./serve-target.ts";

const publishers = listPublishers();
const readers = listReaders();
const claims = listClaims().flatMap(({ name, guarantees }) =>
  guarantees === undefined ? [] : [{ name, guarantees }],
);
const SECRET = "a secret that this test shares with the server";
let served: ServedTarget;
let target: Target;
beforeAll(async () => {
  served = await serveTarget({ JWT_SECRET: SECRET }, { withGateway: true });
  target = { url: served.url, tcpPorts: served.tcpPorts, gateway: served.gateway };
}, 60_000);
afterAll(() => served.stop());

const newChannel = () => `demo/${randomUUID()}`;
const publish = (channel: string, data: unknown, door = publishers[0]) => {
  if (door === undefined) throw new Error("No door publishes.");
  return door.publish(target, channel, { type: "test.event", data });
};
/** In one batch: what is asked here is how they are read. */
const publishAll = async (channel: string, from: number, to: number) => {
  const events = range(from, to).map((data) => ({ type: "test.event", data }));
  const response = await fetch(toUrl(target, `/channels/${channel}`), {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(events),
  });
  expect(response.status).toBe(201);
};
const take = async (reader: Reader, count: number) => {
  const data: unknown[] = [];
  while (data.length < count) data.push((await reader.next()).event.data);
  return data;
};
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);
const deleteChannel = async (channel: string) => {
  const response = await fetch(toUrl(target, `/channels/${channel}`), { method: "DELETE" });
  expect(response.status).toBe(204);
};

describe("the table of doors", () => {
  it.each(claims)("claims of $name what this suite runs, and no more", ({ name, guarantees }) => {
    const canPublish = publishers.some((driver) => doorOf(driver) === name);
    const canRead = readers.some((driver) => doorOf(driver) === name);
    expect(guarantees).toMatchObject({ publish: canPublish, dedupe: canPublish, resume: canRead });
    expect(guarantees).toMatchObject({ ordering: true, binary: true, limits: true });
    // A door can be read by asking again, and then it resumes without being a subscription.
    if (guarantees.subscribe) expect(canRead).toBe(true);
  });

  it("has every door that this suite drives", () => {
    const names = claims.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining([...publishers, ...readers].map(doorOf)));
  });
});

/** A reader on every door. */
const readEverywhere = (channel: string, after?: string) =>
  Promise.all(readers.map(async ({ name, read }) => ({ name, reader: await read(target, channel, after) })));

// Doors beside each other: most of what one does is to wait.
describe.each(publishers)(
  "what is published through $name, on every door that reads",
  { concurrent: true },
  ({ publish: send }) => {
    const VALUES = [{ n: 1, text: "grüße ☂ \n\u2028" }, [1, 2], "text", 0, null, false];
    const BYTES = Buffer.from(range(0, 255)).toString("base64");
    /** Opening all the readers is what costs, so both tests look at the same events. */
    let exchanged: ReturnType<typeof exchange> | undefined;
    const exchange = async () => {
      const channel = newChannel();
      const live = await readEverywhere(channel);
      const sent = [];
      for (const data of VALUES) sent.push(await send(target, channel, { type: "test.event", data }));
      await send(target, channel, { type: "test.bytes", data_base64: BYTES });
      const received = await Promise.all(
        live.map(async ({ name, reader }) => {
          const events = [];
          for (let n = 0; n < VALUES.length; n += 1) events.push(await reader.next());
          const bytes = await reader.next();
          await reader.cut();
          return { name, events, bytes };
        }),
      );
      return { channel, sent, received };
    };

    it(PROOFS.publish[1], { timeout: 60_000 }, async () => {
      exchanged ??= exchange();
      const { channel, sent, received } = await exchanged;
      for (const { name, events } of received) {
        events.forEach(({ sequence, event }, index) => {
          expect({ sequence, event }, name).toMatchObject({
            sequence: sent[index]?.sequence,
            event: {
              specversion: "1.0",
              id: sent[index]?.id,
              sequence: sent[index]?.sequence,
              type: "test.event",
              subject: channel,
            },
          });
          expect(event.data, name).toEqual(VALUES[index]);
          expect(Date.parse(String(event.time)), name).not.toBeNaN();
          expect(event.source, name).toBeTruthy();
        });
      }
      const sequences = sent.map(({ sequence }) => sequence);
      expect([...sequences].sort()).toEqual(sequences);
      for (const sequence of sequences) expect(sequence).toMatch(/^[0-9A-Za-z_-]{1,64}$/);
    });

    it(PROOFS.binary[1], { timeout: 60_000 }, async () => {
      exchanged ??= exchange();
      for (const { name, bytes } of (await exchanged).received) {
        expect(bytes.event.data_base64, name).toBe(BYTES);
      }
    });
  },
);

describe.each(readers)(
  "a reader that stops on $name, and goes on through every door",
  { concurrent: true },
  ({ read }) => {
    it(PROOFS.resume[1], { timeout: 60_000 }, async () => {
      const channel = newChannel();
      const first = await read(target, channel);
      await publishAll(channel, 1, 10);
      const before = await take(first, 4);
      const { cursor } = first;
      await first.cut();
      await publishAll(channel, 11, 15);
      const resumed = await readEverywhere(channel, cursor);
      const missed = await Promise.all(resumed.map(({ reader }) => take(reader, 11)));
      await publish(channel, 16);
      await Promise.all(
        resumed.map(async ({ name, reader }, index) => {
          const next = await take(reader, 1);
          expect([...before, ...(missed[index] ?? []), ...next], name).toEqual(range(1, 16));
          await reader.cut();
        }),
      );
    });
  },
);

describe.each(publishers)(
  "an event through $name, and the same again through every door",
  { concurrent: true },
  ({ publish: send }) => {
    it(PROOFS.dedupe[1], { timeout: 60_000 }, async () => {
      const channel = newChannel();
      const event = { type: "test.event", id: randomUUID(), source: "/test", data: 1 };
      const first = await send(target, channel, event);
      expect(first).toMatchObject({ id: event.id, duplicate: false });
      for (const { name, publish: repeat } of publishers) {
        expect(await repeat(target, channel, event), name).toEqual({ ...first, duplicate: true });
      }
      await publish(channel, 2);
      const reader = await readers[0]?.read(target, channel, "earliest");
      expect(reader && (await take(reader, 2))).toEqual([1, 2]);
    });
  },
);

describe.each(readers)("reading through $name", { concurrent: true }, ({ read, takesAnyName }) => {
  it("starts at the earliest event that is kept, or with what comes next", async () => {
    const channel = newChannel();
    await publishAll(channel, 1, 3);
    const all = await read(target, channel, "earliest");
    const next = await read(target, channel, "latest");
    await publish(channel, 4);
    expect(await take(all, 4)).toEqual([1, 2, 3, 4]);
    expect(await take(next, 1)).toEqual([4]);
    await Promise.all([all.cut(), next.cut()]);
  });

  it("waits on a channel that nobody has written to", async () => {
    const channel = newChannel();
    const reader = await read(target, channel, "earliest");
    await publish(channel, 1);
    expect(await take(reader, 1)).toEqual([1]);
    await reader.cut();
  });

  it("says first where a cursor of an earlier life leaves a gap, and goes on from there", async () => {
    const channel = newChannel();
    const { sequence } = await publish(channel, 1);
    await deleteChannel(channel);
    await publish(channel, 2);
    const reader = await read(target, channel, sequence);
    const gap = await reader.next();
    expect(gap.event).toMatchObject({
      type: "everywire.gap",
      data: { requested: sequence },
      subject: channel,
    });
    expect(gap.sequence).toBeUndefined();
    const { resumedAt } = gap.event.data as { resumedAt: string };
    expect(await take(reader, 1)).toEqual([2]);
    await reader.cut();
    const again = await read(target, channel, resumedAt);
    expect((await again.next()).event.data).toBe(2);
    await again.cut();
  });

  it.each(["nonsense", "-1", "0", "x".repeat(65), "EARLIEST"])("refuses the cursor %j", async (cursor) => {
    await expect(read(target, newChannel(), cursor)).rejects.toMatchObject({ code: "invalid_argument" });
  });

  it
    .skipIf(takesAnyName !== undefined)
    .each(["demo/a%2fb", "demo/a%20b", "demo//b", `demo/${"x".repeat(65)}`, "a/b/c/d/e/f/g/h/i", "demo/%zz"])(
    "refuses the channel %j",
    async (channel) => {
      await expect(read(target, channel)).rejects.toMatchObject({ code: "invalid_argument" });
    },
  );
});

describe.each(publishers)(
  "publishing through $name",
  { concurrent: true },
  ({ publish: send, carriesNoLargeEvents }) => {
    it.each([
      ["no type", {}],
      ["an empty type", { type: "" }],
      ["a type that is no text", { type: 7 }],
      ["a type of the log's own", { type: "everywire.gap" }],
      ["two kinds of data", { type: "t", data: 1, data_base64: "AA==" }],
      ["base64 that is none", { type: "t", data_base64: "*" }],
    ])("refuses %s, and goes on", async (_name, event) => {
      const channel = newChannel();
      await expect(send(target, channel, event as never)).rejects.toMatchObject({ code: "invalid_argument" });
      await expect(send(target, channel, { type: "t" })).resolves.toMatchObject({ duplicate: false });
    });

    it.skipIf(carriesNoLargeEvents !== undefined)(PROOFS.limits[1], async () => {
      const channel = newChannel();
      const event = { type: "t", data: "x".repeat(256 * 1024) };
      await expect(send(target, channel, event)).rejects.toMatchObject({ code: "payload_too_large" });
      const reader = await readers[0]?.read(target, channel, "earliest");
      await send(target, channel, { type: "t", data: "x".repeat(200 * 1024) });
      expect(reader && (await reader.next()).event.data).toHaveLength(200 * 1024);
    });
  },
);

const doors = [
  ...readers.map(({ name, read }) => ({
    name: `reading through ${name}`,
    use: (on: Target, channel: string) => read(on, channel),
  })),
  ...publishers.map(({ name, publish: send }) => ({
    name: `publishing through ${name}`,
    use: (on: Target, channel: string) => send(on, channel, { type: "t" }),
  })),
];

describe.each(doors)("$name", { concurrent: true }, ({ use }) => {
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString("base64url");
  const sign = (header: object, claims: object, secret: string) => {
    const text = `${encode(header)}.${encode(claims)}`;
    return `${text}.${createHmac("sha256", secret).update(text).digest("base64url")}`;
  };
  const now = () => Math.floor(Date.now() / 1000);

  it("needs a token where the channel is not open to anybody", async () => {
    await expect(use(target, "rooms/lobby")).rejects.toMatchObject({ code: "unauthenticated" });
    await expect(use(await served.signIn("alice"), "rooms/lobby")).resolves.toBeDefined();
  });

  it("needs the right one", async () => {
    const alice = await served.signIn("alice");
    await expect(use(alice, "users/bob/inbox")).rejects.toMatchObject({ code: "permission_denied" });
    await expect(use(alice, "users/alice/inbox")).resolves.toBeDefined();
    const admin = await served.signIn("root", { roles: ["admin"] });
    await expect(use(admin, "users/bob/inbox")).resolves.toBeDefined();
  });

  it.each([
    ["is no token", () => "garbage"],
    [
      "was signed with another key",
      () => sign({ alg: "HS256" }, { sub: "a", exp: now() + 60 }, "another key, of enough length"),
    ],
    ["is not signed", () => `${encode({ alg: "none" })}.${encode({ sub: "a", exp: now() + 60 })}.`],
  ])("refuses a token that %s, also where none is needed", async (_name, make) => {
    const token = make();
    await expect(use({ ...target, token }, "demo/open")).rejects.toMatchObject({ code: "unauthenticated" });
  });

  it("refuses a token that has expired", async () => {
    const claims = { sub: "alice", iat: now() - 7200, exp: now() - 3600 };
    const token = sign({ alg: "HS256", typ: "JWT" }, claims, SECRET);
    await expect(use({ ...target, token }, "rooms/lobby")).rejects.toMatchObject({ code: "unauthenticated" });
    const good = sign({ alg: "HS256", typ: "JWT" }, { ...claims, exp: now() + 60 }, SECRET);
    await expect(use({ ...target, token: good }, "rooms/lobby")).resolves.toBeDefined();
  });
});
