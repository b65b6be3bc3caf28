import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ROOT } from "../../scripts/paths.ts";
import type { Target } from "./door-driver.ts";
import { publishers } from "./doors.ts";
import { assertOk, toHeaders, toUrl } from "./http-exchange.ts";
import type { ServedTarget } from "./serve-target.ts";
import { serveTarget } from "./serve-target.ts";

interface Message {
  readonly leaseId: string;
  readonly sequence: string;
  readonly attempt: number;
  readonly leasedUntil: string;
  readonly event: { readonly id: string; readonly data: unknown; readonly type: string };
}

let server: ServedTarget;
beforeAll(async () => {
  server = await serveTarget({}, { withGateway: true });
});
afterAll(() => server.stop());

const newChannel = () => `demo/${randomUUID()}`;
const call = async <T>(path: string, body?: object, method = "POST", as: Target = server): Promise<T> => {
  const response = await fetch(toUrl(as, path), {
    method,
    headers: toHeaders(as, { "content-type": "application/json" }),
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  await assertOk(response);
  return (response.status === 204 ? undefined : await response.json()) as T;
};
const publish = async (channel: string, ...data: unknown[]) => {
  for (const each of data) await call(`/channels/${channel}`, { type: "task", data: each });
};
const lease = async (channel: string, body: object = {}) =>
  (await call<{ messages: Message[] }>(`/queue/${channel}/lease`, body)).messages;
const one = async (channel: string, body: object = {}): Promise<Message> => {
  const [message] = await lease(channel, body);
  if (message === undefined) throw new Error("There is nothing.");
  return message;
};
const settle = (channel: string, action: string, leases: readonly Message[], more: object = {}) =>
  call<{ acked: string[]; nacked: string[]; extended: string[]; expired: string[] }>(
    `/queue/${channel}/${action}`,
    {
      leaseIds: leases.map(({ leaseId }) => leaseId),
      ...more,
    },
  );

describe("competing consumers", () => {
  it("work off what was published through any door, each message once", async () => {
    const channel = newChannel();
    const expected: string[] = [];
    await Promise.all(
      publishers.map(async (door) => {
        for (let n = 0; n < 5; n += 1) {
          expected.push(`${door.name}-${n}`);
          await door.publish(server, channel, { type: "task", data: `${door.name}-${n}` });
        }
      }),
    );
    const held = new Set<string>();
    const done: unknown[] = [];
    const consume = async () => {
      for (;;) {
        const messages = await lease(channel, { max: 3, wait: 1 });
        if (messages.length === 0) return;
        for (const { sequence } of messages) {
          expect(held.has(sequence), "two consumers hold the same message").toBe(false);
          held.add(sequence);
        }
        await delay(Math.random() * 10);
        expect((await settle(channel, "ack", messages)).expired).toEqual([]);
        done.push(...messages.map(({ event }) => event.data));
      }
    };
    await Promise.all(Array.from({ length: 8 }, consume));
    expect(done.sort()).toEqual(expected.sort());
    expect(await call(`/queue/${channel}`, undefined, "GET")).toMatchObject({
      leased: 0,
      waiting: 0,
      deadLetters: 0,
    });
  });

  it("wait for what comes, and begin with the earliest that is there", async () => {
    const channel = newChannel();
    const waiting = one(channel, { wait: 10 });
    await delay(50);
    await publish(channel, 1, 2);
    expect((await waiting).event.data).toBe(1);
    expect((await one(channel, { group: "others" })).event.data).toBe(1);
    expect((await one(channel)).event.data).toBe(2);
    expect(await lease(channel)).toEqual([]);
  });

  it("are given a message again when its lease is over, and told when they are late", async () => {
    const channel = newChannel();
    await publish(channel, 1);
    const first = await one(channel, { visibilityTimeout: 1 });
    expect(first.attempt).toBe(1);
    expect(Date.parse(first.leasedUntil)).toBeGreaterThan(Date.now());
    const second = await one(channel, { wait: 5 });
    expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(first.leasedUntil));
    expect(second).toMatchObject({ attempt: 2, sequence: first.sequence, event: first.event });
    expect(second.leaseId).not.toBe(first.leaseId);
    for (const action of ["ack", "nack", "extend"]) {
      expect(await settle(channel, action, [first])).toMatchObject({ expired: [first.leaseId] });
    }
    expect((await settle(channel, "ack", [second])).acked).toEqual([second.leaseId]);
    // An answer that was lost is asked for again.
    expect((await settle(channel, "ack", [second])).acked).toEqual([second.leaseId]);
    expect(await lease(channel)).toEqual([]);
  });

  it("keep a message for longer, or give it back at once or later", async () => {
    const channel = newChannel();
    await publish(channel, 1, 2);
    const [kept, back] = await lease(channel, { max: 2, visibilityTimeout: "1s" });
    if (kept === undefined || back === undefined) throw new Error("There are two.");
    expect((await settle(channel, "extend", [kept], { visibilityTimeout: 60 })).extended).toEqual([
      kept.leaseId,
    ]);
    expect((await settle(channel, "nack", [back])).nacked).toEqual([back.leaseId]);
    const again = await one(channel);
    expect(again.event.data).toBe(2);
    await settle(channel, "nack", [again], { delay: 1 });
    expect(await lease(channel)).toEqual([]);
    const startedMs = Date.now();
    const third = await one(channel, { wait: 5 });
    expect(third).toMatchObject({ attempt: 3, event: { data: 2 } });
    expect(Date.now() - startedMs).toBeGreaterThan(700);
    // The lease that was made longer is longer than the second it began with.
    expect((await settle(channel, "ack", [kept])).acked).toEqual([kept.leaseId]);
  });
});

describe("a message that nobody can work off", () => {
  const exhaust = async (channel: string) => {
    for (let attempt = 1; attempt <= 5; attempt += 1) {
      const message = await one(channel);
      expect(message.attempt).toBe(attempt);
      await settle(channel, "nack", [message]);
    }
  };

  it("becomes a dead letter of its group, is seen, tried again, and given up", async () => {
    const channel = newChannel();
    await publish(channel, "bad", "good");
    await exhaust(channel);
    expect((await one(channel)).event.data).toBe("good");
    const path = `/queue/dead-letters?channel=${channel}`;
    const { deadLetters } = await call<{ deadLetters: { id: string }[] }>(path, undefined, "GET");
    expect(deadLetters).toMatchObject([
      { origin: "group", channel, group: "default", attempts: 5, event: { data: "bad" } },
    ]);
    const id = deadLetters[0]?.id ?? "";
    expect(await call(`/queue/dead-letters/${id}`, undefined, "GET")).toEqual(deadLetters[0]);
    expect(await call(`${path}&group=others`, undefined, "GET")).toMatchObject({ deadLetters: [] });
    await call(`/queue/dead-letters/${id}/retry`);
    expect(await one(channel)).toMatchObject({ attempt: 1, event: { data: "bad" } });
    await expect(call(`/queue/dead-letters/${id}`, undefined, "GET")).rejects.toMatchObject({
      code: "not_found",
    });
  });

  it("is listed by page, and deleted for good", async () => {
    const channel = newChannel();
    await publish(channel, 1, 2, 3);
    for (let n = 0; n < 3; n += 1) await exhaust(channel);
    const ids: string[] = [];
    for (let cursor: string | null = ""; cursor !== null; ) {
      const page: { deadLetters: { id: string }[]; next: string | null } = await call(
        `/queue/dead-letters?channel=${channel}&limit=2&cursor=${cursor}`,
        undefined,
        "GET",
      );
      ids.push(...page.deadLetters.map(({ id }) => id));
      cursor = page.next;
    }
    expect(ids).toHaveLength(3);
    for (const id of ids) await call(`/queue/dead-letters/${id}`, undefined, "DELETE");
    expect(await call(`/queue/${channel}`, undefined, "GET")).toMatchObject({ deadLetters: 0, leased: 0 });
    expect(await lease(channel)).toEqual([]);
  });
});

describe("who may consume, and how", () => {
  it("needs to read and to write", async () => {
    const as = async (name: string, channels?: object) => server.signIn(name, channels ? { channels } : {});
    const code = async (target: Target, path: string) =>
      call(path, {}, "POST", target).then(
        () => "ok",
        (error: { code: string }) => error.code,
      );
    expect(await code(server, "/queue/rooms/x/lease")).toBe("unauthenticated");
    expect(await code(await as("ada"), "/queue/rooms/x/lease")).toBe("ok");
    expect(await code(await as("ada"), "/queue/users/bob/inbox/lease")).toBe("permission_denied");
    const reader = await as("eve", { read: ["rooms/*"], write: [] });
    const writer = await as("eve", { read: [], write: ["rooms/*"] });
    for (const target of [reader, writer]) {
      expect(await code(target, "/queue/rooms/x/lease")).toBe("permission_denied");
      const id = "group.0.default.rooms!x";
      await expect(call(`/queue/dead-letters/${id}`, undefined, "GET", target)).rejects.toMatchObject({
        code: "permission_denied",
      });
    }
  });

  it.each([
    ["lease", { max: 0 }],
    ["lease", { max: 101 }],
    ["lease", { max: 1.5 }],
    ["lease", { visibilityTimeout: 0 }],
    ["lease", { visibilityTimeout: "1w" }],
    ["lease", { visibilityTimeout: 1e9 }],
    ["lease", { wait: 61 }],
    ["lease", { group: "a/b" }],
    ["lease", { group: "" }],
    ["lease", []],
    ["ack", {}],
    ["ack", { leaseIds: [] }],
    ["ack", { leaseIds: ["'; DROP"] }],
    ["nack", { leaseIds: ["lse_1"], delay: -1 }],
  ])("refuses %s with %j", async (action, body) => {
    const channel = newChannel();
    await expect(call(`/queue/${channel}/${action}`, body)).rejects.toMatchObject({
      code: "invalid_argument",
    });
  });

  it("tells a lease that nobody gave for expired, and takes no body for an empty one", async () => {
    const channel = newChannel();
    await publish(channel, 1);
    expect(await call(`/queue/${channel}/ack`, { leaseIds: ["lse_none"] })).toEqual({
      acked: [],
      expired: ["lse_none"],
    });
    const response = await fetch(toUrl(server, `/queue/${channel}/lease`), { method: "POST" });
    expect(((await response.json()) as { messages: unknown[] }).messages).toHaveLength(1);
    expect((await fetch(toUrl(server, `/queue/${channel}/lease`))).status).toBe(405);
  });
});

it("the examples work off every task, though one of three consumers is killed and some tasks fail at first", async () => {
  const channel = newChannel();
  const TASKS = 40;
  const run = (file: string, ...args: string[]) => {
    const child = spawn(process.execPath, [join(ROOT, "examples/queue", file), ...args], {
      env: { ...process.env, EVERYWIRE_URL: server.url, CHANNEL: channel, IDLE_SECONDS: "4" },
      stdio: ["ignore", "pipe", "inherit"],
    });
    const lines: string[] = [];
    createInterface({ input: child.stdout }).on("line", (line) => lines.push(line));
    return { child, lines, exited: once(child, "exit") };
  };
  const consumers = [run("consumer.mjs"), run("consumer.mjs"), run("consumer.mjs")];
  const [victim] = consumers;
  // Killed in the middle of its work, with a lease in its hands.
  victim?.child.stdout.once("data", () => victim.child.kill("SIGKILL"));
  const producer = run("producer.mjs", String(TASKS));
  expect((await producer.exited)[0]).toBe(0);
  for (const { exited } of consumers.slice(1)) expect((await exited)[0]).toBe(0);
  expect((await victim?.exited)?.[1]).toBe("SIGKILL");
  const lines = consumers.flatMap((consumer) => consumer.lines);
  const numbers = (word: string) =>
    lines.filter((line) => line.startsWith(`${word} `)).map((line) => Number(line.split(" ")[1]));
  const done = new Set(numbers("done"));
  expect(numbers("failed").length).toBeGreaterThanOrEqual(Math.floor(TASKS / 7) - 1);
  // The killed one may have settled a task and not have lived to say so.
  expect(done.size).toBeGreaterThanOrEqual(TASKS - 1);
  expect(await call(`/queue/${channel}`, undefined, "GET")).toMatchObject({
    leased: 0,
    waiting: 0,
    deadLetters: 0,
  });
  expect(await lease(channel)).toEqual([]);
});
