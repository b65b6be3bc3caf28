import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Received } from "./qstash-receiver.ts";
import type { QstashTarget } from "./qstash-target.ts";
import { eventually, serveQstash } from "./qstash-target.ts";

let target: QstashTarget;
const url = (path: string) => `${target.receiver.url}${path}`;
const bodies = (requests: readonly Received[]) => requests.map(({ body }) => body);

beforeAll(async () => {
  target = await serveQstash({ QSTASH_CRON_SECONDS: "true" });
});
afterAll(() => target.stop());

/** What is published later and delivered shows that there was time to deliver what was published before. */
async function passTime(name: string): Promise<void> {
  await target.client.publish({ url: url(`/beside-${name}`), body: "" });
  await target.receiver.waitFor(`/beside-${name}`);
}

describe("queues", () => {
  test("are made, changed, listed and deleted", async () => {
    const { client } = target;
    const queue = client.queue({ queueName: "managed" });
    await queue.upsert({ parallelism: 2 });
    const made = await queue.get();
    expect(made).toEqual({
      name: "managed",
      parallelism: 2,
      paused: false,
      lag: 0,
      createdAt: expect.any(Number),
      updatedAt: expect.any(Number),
    });
    await queue.upsert({ parallelism: 3, paused: true });
    expect(await queue.get()).toMatchObject({ parallelism: 3, paused: true, createdAt: made.createdAt });
    expect((await queue.list()).map(({ name }) => name)).toContain("managed");

    const { messageId } = await queue.enqueueJSON({ url: url("/deleted"), body: {} });
    expect((await queue.get()).lag).toBe(1);
    await queue.delete();
    await expect(queue.get()).rejects.toMatchObject({ status: 404 });
    await expect(client.messages.get(messageId)).rejects.toMatchObject({ status: 404 });
  });

  test("deliver in order, and the next waits until the one before it is done with its retries", async () => {
    const { client, receiver } = target;
    receiver.on("/fifo", ({ body }, count) => ({ status: body === "0" && count < 2 ? 500 : 200 }));
    const queue = client.queue({ queueName: "fifo" });
    for (const n of [0, 1, 2, 3]) await queue.enqueue({ url: url("/fifo"), body: `${n}` });
    expect(bodies(await receiver.waitFor("/fifo", 6))).toEqual(["0", "0", "0", "1", "2", "3"]);
    await eventually(
      () => queue.get(),
      ({ lag }) => lag === 0,
    );
  });

  test("go on behind what has failed for good", async () => {
    const { client, receiver } = target;
    receiver.on("/dead-end", ({ body }) => ({ status: body === "0" ? 500 : 200 }));
    const queue = client.queue({ queueName: "dead-end" });
    for (const n of [0, 1]) await queue.enqueue({ url: url("/dead-end"), body: `${n}`, retries: 1 });
    expect(bodies(await receiver.waitFor("/dead-end", 3))).toEqual(["0", "0", "1"]);
    const { messages } = await client.dlq.listMessages({ filter: { queueName: "dead-end" } });
    expect(messages.map(({ body }) => body)).toEqual(["0"]);
  });

  test("wait for the callback of the one before", async () => {
    const { client, receiver } = target;
    receiver.on("/then-callback", (_, count) => ({ status: count === 0 ? 500 : 200 }));
    const queue = client.queue({ queueName: "with-callbacks" });
    await queue.enqueue({ url: url("/with-callback"), body: "0", callback: url("/then-callback") });
    await queue.enqueue({ url: url("/with-callback"), body: "1" });
    const [, second] = await receiver.waitFor("/with-callback", 2);
    const callbacks = receiver.at("/then-callback");
    expect(callbacks).toHaveLength(2);
    expect(second?.atMs).toBeGreaterThanOrEqual(callbacks[1]?.atMs ?? Number.POSITIVE_INFINITY);
  });

  test("have as many under way as their parallelism says", async () => {
    const { client, receiver } = target;
    const release = receiver.hold("/parallel");
    const queue = client.queue({ queueName: "parallel" });
    await queue.upsert({ parallelism: 3 });
    for (const n of [0, 1, 2, 3, 4, 5, 6]) await queue.enqueue({ url: url("/parallel"), body: `${n}` });
    await receiver.waitFor("/parallel", 3);
    await passTime("parallel");
    expect(bodies(receiver.at("/parallel")).sort()).toEqual(["0", "1", "2"]);
    release();
    await receiver.waitFor("/parallel", 7);
  });

  test("keep what comes while they are paused", async () => {
    const { client, receiver } = target;
    const queue = client.queue({ queueName: "paused" });
    await queue.upsert({ parallelism: 1 });
    await queue.pause();
    expect(await queue.get()).toMatchObject({ paused: true });
    await queue.enqueueJSON({ url: url("/paused"), body: 1 });
    await queue.enqueueJSON({ url: url("/paused"), body: 2 });
    await passTime("paused");
    expect(receiver.at("/paused")).toEqual([]);
    expect(await queue.get()).toMatchObject({ lag: 2 });
    await queue.resume();
    expect(bodies(await receiver.waitFor("/paused", 2))).toEqual(["1", "2"]);
  });
});

describe("callbacks", () => {
  test("tell of every attempt, as signed messages that are retried", async () => {
    const { client, receiver, verifier } = target;
    receiver.on("/worked-on", (_, count) =>
      count === 0
        ? { status: 500, body: "not yet" }
        : { status: 201, headers: { "x-done": "yes" }, body: Buffer.from([0xff, 0]) },
    );
    receiver.on("/callback", (_, count) => ({ status: count === 0 ? 500 : 200 }));
    const { messageId } = await client.publish({
      url: url("/worked-on"),
      body: "task",
      headers: {
        "X-Task": "7",
        "Upstash-Callback-Forward-X-Secret": "s",
        "Upstash-Callback-Method": "PUT",
        "Upstash-Callback-Retries": "2",
      },
      callback: url("/callback"),
      retries: 1,
    });
    const callbacks = await receiver.waitFor("/callback", 3);
    expect(callbacks[0]).toMatchObject({ method: "PUT" });
    expect(callbacks[0]?.headers).toMatchObject({ "x-secret": "s", "content-type": "application/json" });
    expect(callbacks[0]?.headers["upstash-message-id"]).not.toBe(messageId);
    for (const { headers, body } of callbacks) {
      const signature = `${headers["upstash-signature"]}`;
      await expect(verifier.verify({ signature, body, url: url("/callback") })).resolves.toBe(true);
    }
    const told = callbacks.map(({ body }) => JSON.parse(body) as Record<string, unknown>);
    expect(told.filter(({ status }) => status === 500)).not.toEqual([]);
    const last = told.find(({ status }) => status === 201);
    expect(last).toMatchObject({
      status: 201,
      header: expect.objectContaining({ "X-Done": ["yes"] }),
      body: Buffer.from([0xff, 0]).toString("base64"),
      retried: 1,
      maxRetries: 1,
      sourceMessageId: messageId,
      url: url("/worked-on"),
      method: "POST",
      sourceBody: Buffer.from("task").toString("base64"),
      sourceHeader: expect.objectContaining({ "X-Task": ["7"] }),
    });
    expect(last).not.toHaveProperty("dlqId");
  });

  test("of failures come once, when all retries are spent, with the id of the dead letter", async () => {
    const { client, receiver } = target;
    receiver.on("/hopeless", () => ({ status: 502, body: "bad" }));
    const { messageId } = await client.publish({
      url: url("/hopeless"),
      body: "x",
      retries: 1,
      failureCallback: url("/failed"),
    });
    const [failed] = await receiver.waitFor("/failed");
    const told = JSON.parse(failed?.body ?? "") as Record<string, unknown>;
    expect(told).toMatchObject({ status: 502, retried: 1, maxRetries: 1, sourceMessageId: messageId });
    const { messages } = await client.dlq.listMessages({ dlqIds: [`${told["dlqId"]}`] });
    expect(messages[0]).toMatchObject({ messageId });
    expect(receiver.at("/hopeless")).toHaveLength(2);
    expect(receiver.at("/failed")).toHaveLength(1);
  });
});

describe("URL groups", () => {
  test("are made, changed, listed and deleted", async () => {
    const { client } = target;
    const { urlGroups } = client;
    await urlGroups.addEndpoints({
      name: "some.group",
      endpoints: [{ url: url("/g1"), name: "one" }, { url: url("/g2") }],
    });
    await urlGroups.addEndpoints({
      name: "some.group",
      endpoints: [{ url: url("/g3") }, { url: url("/g1"), name: "uno" }],
    });
    expect(await urlGroups.get("some.group")).toEqual({
      name: "some.group",
      endpoints: [{ url: url("/g1"), name: "uno" }, { url: url("/g2") }, { url: url("/g3") }],
      createdAt: expect.any(Number),
      updatedAt: expect.any(Number),
    });
    await urlGroups.removeEndpoints({
      name: "some.group",
      endpoints: [{ name: "uno" }, { url: url("/g2") }],
    });
    expect((await urlGroups.list()).find(({ name }) => name === "some.group")?.endpoints).toEqual([
      { url: url("/g3") },
    ]);
    await urlGroups.removeEndpoints({ name: "some.group", endpoints: [{ url: url("/g3") }] });
    await expect(urlGroups.get("some.group")).rejects.toMatchObject({ status: 404 });
    await urlGroups.addEndpoints({ name: "some.group", endpoints: [{ url: url("/g1") }] });
    await urlGroups.delete("some.group");
    await expect(urlGroups.get("some.group")).rejects.toMatchObject({ status: 404 });
  });

  test("get a message each, with a result for each", async () => {
    const { client, receiver } = target;
    const endpoints = [{ url: url("/fan-1"), name: "first" }, { url: url("/fan-2") }];
    await client.urlGroups.addEndpoints({ name: "fan", endpoints });
    const publish = () =>
      client.publishJSON({ urlGroup: "fan", body: { to: "all" }, deduplicationId: "fan 1" });
    const results = await publish();
    expect(results).toEqual(endpoints.map(({ url }) => ({ url, messageId: expect.stringMatching(/^msg_/) })));
    expect(await publish()).toEqual(results.map((result) => ({ ...result, deduplicated: true })));
    const received = (await Promise.all([receiver.waitFor("/fan-1"), receiver.waitFor("/fan-2")])).flat();
    expect(received.map(({ headers }) => headers["upstash-message-id"])).toEqual(
      results.map(({ messageId }) => messageId),
    );
    expect(received[0]?.headers["upstash-topic-name"]).toBe("fan");
    const { logs } = await client.logs({ filter: { urlGroup: "fan", state: "CREATED" } });
    expect(logs.map(({ urlGroup, endpointName }) => [urlGroup, endpointName])).toEqual([
      ["fan", undefined],
      ["fan", "first"],
    ]);
    const [batched] = await client.batchJSON([{ urlGroup: "fan", body: {} }]);
    expect(batched).toHaveLength(2);
  });

  test("that are not there are not published to", async () => {
    await expect(target.client.publish({ urlGroup: "nobody", body: "" })).rejects.toMatchObject({
      status: 404,
      message: expect.stringContaining("nobody"),
    });
  });
});

describe("schedules", () => {
  test("are made, shown, changed, paused and deleted", async () => {
    const { client } = target;
    const { scheduleId } = await client.schedules.create({
      scheduleId: "nightly",
      destination: url("/nightly"),
      cron: "CRON_TZ=America/New_York 30 4 * * *",
      body: "report",
      headers: { "Content-Type": "text/plain", "X-Kind": "night" },
      retries: 1,
      delay: "1m",
      label: "reports",
      queueName: "reports",
      callback: url("/nightly-callback"),
    });
    expect(scheduleId).toBe("nightly");
    const schedule = await client.schedules.get("nightly");
    expect(schedule).toMatchObject({
      scheduleId: "nightly",
      cron: "CRON_TZ=America/New_York 30 4 * * *",
      destination: url("/nightly"),
      method: "POST",
      body: "report",
      header: { "Content-Type": ["text/plain"], "X-Kind": ["night"] },
      retries: 1,
      delay: 60,
      label: "reports",
      queueName: "reports",
      callback: url("/nightly-callback"),
      isPaused: false,
    });
    const next = new Date(schedule.nextScheduleTime ?? 0);
    const inNewYork = {
      timeZone: "America/New_York",
      hour: "2-digit",
      minute: "2-digit",
      hour12: false,
    } as const;
    expect(next.toLocaleTimeString("en-GB", inNewYork)).toBe("04:30");

    await client.schedules.pause({ schedule: "nightly" });
    expect(await client.schedules.get("nightly")).toMatchObject({ isPaused: true });
    await client.schedules.create({ scheduleId: "nightly", destination: url("/changed"), cron: "0 0 1 1 *" });
    expect(await client.schedules.list()).toEqual([
      expect.objectContaining({
        scheduleId: "nightly",
        destination: url("/changed"),
        isPaused: true,
        createdAt: schedule.createdAt,
      }),
    ]);
    await client.schedules.resume({ schedule: "nightly" });
    expect(await client.schedules.get("nightly")).toMatchObject({ isPaused: false });
    await client.schedules.delete("nightly");
    await expect(client.schedules.get("nightly")).rejects.toMatchObject({ status: 404 });
    expect(await client.schedules.list()).toEqual([]);
  });

  test("send a message each time", async () => {
    const { client, receiver, verifier } = target;
    const { scheduleId } = await client.schedules.create({
      destination: url("/tick"),
      cron: "* * * * * *",
      body: "tick",
    });
    expect(scheduleId).toMatch(/^scd_/);
    const [tick] = await receiver.waitFor("/tick", 2);
    expect(tick?.headers["upstash-schedule-id"]).toBe(scheduleId);
    await expect(
      verifier.verify({ signature: `${tick?.headers["upstash-signature"]}`, body: "tick" }),
    ).resolves.toBe(true);
    const schedule = await eventually(
      () => client.schedules.get(scheduleId),
      ({ lastScheduleStates }) => Object.values(lastScheduleStates ?? {}).includes("SUCCESS"),
    );
    expect(schedule.nextScheduleTime).toBeGreaterThan(schedule.lastScheduleTime ?? Number.POSITIVE_INFINITY);
    await client.schedules.pause({ schedule: scheduleId });
    const before = receiver.at("/tick").length;
    const { nextScheduleTime = 0 } = await client.schedules.get(scheduleId);
    await eventually(
      () => client.schedules.get(scheduleId),
      (later) => (later.nextScheduleTime ?? 0) > nextScheduleTime,
    );
    expect(receiver.at("/tick").length).toBeLessThanOrEqual(before + 1);
    await client.schedules.delete(scheduleId);
  });
});

describe("flow control", () => {
  test("has as many of a key under way as its parallelism says", async () => {
    const { client, receiver } = target;
    const release = receiver.hold("/flow");
    const flowControl = { key: "two at once", parallelism: 2 };
    for (const n of [0, 1, 2, 3, 4, 5])
      await client.publish({ url: url("/flow"), body: `${n}`, flowControl });
    await receiver.waitFor("/flow", 2);
    await passTime("flow");
    expect(receiver.at("/flow")).toHaveLength(2);
    expect(await client.flowControl.get("two at once")).toMatchObject({
      parallelismMax: 2,
      parallelismCount: 2,
      waitListSize: 4,
      isPaused: false,
    });
    release();
    await receiver.waitFor("/flow", 6);
  });

  test("starts no more of a key in a period than its rate says", async () => {
    const { client, receiver } = target;
    const flowControl = { key: "rated", rate: 2, period: "1s" } as const;
    for (const n of [0, 1, 2, 3, 4]) await client.publish({ url: url("/rate"), body: `${n}`, flowControl });
    const times = (await receiver.waitFor("/rate", 5)).map(({ atMs }) => atMs);
    expect((times[2] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(900);
    expect((times[4] ?? 0) - (times[2] ?? 0)).toBeGreaterThanOrEqual(900);
  });

  test("is paused, pinned and reset by its key", async () => {
    const { client, receiver, request } = target;
    const { flowControl } = client;
    const control = { key: "kept", rate: 1, period: "1h" } as const;
    await flowControl.pause("kept");
    for (const n of [0, 1]) await client.publish({ url: url("/kept"), body: `${n}`, flowControl: control });
    await passTime("kept");
    expect(await flowControl.get("kept")).toMatchObject({
      isPaused: true,
      waitListSize: 2,
      rateMax: 1,
      ratePeriod: 3600,
      isPinnedRate: false,
    });
    await flowControl.resume("kept");
    await receiver.waitFor("/kept");
    expect(await flowControl.get("kept")).toMatchObject({ rateCount: 1, waitListSize: 1 });
    await flowControl.resetRate("kept");
    await receiver.waitFor("/kept", 2);

    await flowControl.pin("kept", { rate: 5, period: 60 });
    await client.publish({ url: url("/kept"), body: "2", flowControl: control });
    await receiver.waitFor("/kept", 3);
    expect(await flowControl.get("kept")).toMatchObject({ rateMax: 5, ratePeriod: 60, isPinnedRate: true });
    await flowControl.unpin("kept", { rate: true });
    await client.publish({ url: url("/kept"), body: "3", flowControl: control });
    expect(await flowControl.get("kept")).toMatchObject({ rateMax: 1, isPinnedRate: false });

    await expect(flowControl.get("unknown")).rejects.toMatchObject({ status: 404 });
    expect((await flowControl.getGlobalParallelism()).parallelismMax).toBeGreaterThan(0);
    const all = (await (await request("/v2/flowControl")).json()) as { flowControlKey: string }[];
    expect(all.map(({ flowControlKey }) => flowControlKey)).toContain("kept");
  });
});

describe("the log", () => {
  test("is read page by page, the newest first, and filtered", async () => {
    const { client, receiver, request } = target;
    const fromDate = Date.now();
    for (const n of [0, 1, 2]) await client.publish({ url: url("/logged"), body: `${n}`, label: `log-${n}` });
    await receiver.waitFor("/logged", 3);
    const filter = { url: url("/logged"), fromDate };
    const all = await eventually(
      () => client.logs({ filter }),
      ({ logs }) => logs.filter(({ state }) => state === "DELIVERED").length === 3,
    );
    const paged = [];
    for (let cursor: string | undefined, page = 0; page < 9; page += 1) {
      const { logs, cursor: next } = await client.logs({ filter, count: 4, ...(cursor && { cursor }) });
      paged.push(...logs);
      cursor = next;
      if (cursor === undefined) break;
    }
    expect(paged).toEqual(all.logs);
    expect(paged).toHaveLength(9);
    expect(paged.map(({ time }) => time)).toEqual(
      paged.map(({ time }) => time).sort((one, other) => other - one),
    );
    const labelled = await client.logs({ filter: { label: ["log-0", "log-1"], state: "DELIVERED" } });
    expect(labelled.logs.map(({ label }) => label).sort()).toEqual(["log-0", "log-1"]);
    expect((await client.logs({ filter: { state: "IN_PROGRESS", url: url("/logged") } })).logs).toHaveLength(
      3,
    );
    expect(await (await request("/v2/logs?count=1")).json()).toMatchObject({ logs: [expect.any(Object)] });
  });
});
