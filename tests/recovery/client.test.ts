import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { expect, it } from "vitest";
import type { Client } from "../../clients/typescript/index.ts";
import { connect } from "../../clients/typescript/index.ts";
import { buildIfStale } from "../../scripts/build.ts";
import { serve } from "../../scripts/serve.ts";
import type { Hindrances } from "../conformance/hindering-proxy.ts";
import { createHinderingProxy } from "../conformance/hindering-proxy.ts";

/** The long run: CLIENT_EVENTS=1500 npm test -- --project recovery tests/recovery/client.test.ts */
const EVENTS = Number(process.env.CLIENT_EVENTS ?? 100);
const KILLS = Math.ceil(EVENTS / 400);
const PUBLISHERS = 3;
const TIMING = { backoffMs: 20, maxBackoffMs: 500, retryUpwardsMs: 1000 };
const HINDRANCES: readonly Hindrances[] = [
  {},
  { cutsWithinBytes: 4000 },
  { webSockets: "cut" },
  { webSockets: "swallow" },
  { buffersAnswers: true },
  { blockBytes: 4096 },
  { losesAnswers: true },
  { buffersRest: true, webSockets: "refuse" },
];

it("loses and repeats nothing while proxies hinder, change their ways, and the server is killed", async () => {
  await buildIfStale();
  const stateDirectory = await mkdtemp(join(tmpdir(), "everywire-client-"));
  const environment = { RATE_LIMITS: "off", ANONYMOUS_CHANNELS: "demo/**" };
  let served = await serve({ port: 0, stateDirectory, environment });
  const { port, url } = served;
  const proxies = await Promise.all(HINDRANCES.map((one) => createHinderingProxy(url, one)));
  const channel = `demo/${randomUUID()}`;
  const count = PUBLISHERS * EVENTS;
  const clients: Client[] = [];
  const open = (index: number) => {
    const { url: proxyUrl = url } = proxies[index % proxies.length] ?? {};
    const client = connect(proxyUrl, { timing: TIMING, maxQueuedPublishes: count });
    clients.push(client);
    return client;
  };
  const subscriptions = proxies.map((_, index) =>
    open(index).subscribe(channel, { after: "earliest", bufferEvents: 100 }),
  );
  const reading = subscriptions.map(async (subscription) => {
    const data: string[] = [];
    for await (const event of subscription) if (data.push(String(event.data)) === count) break;
    return data;
  });
  const chaos = setInterval(() => {
    for (const proxy of proxies) {
      proxy.hindrances = HINDRANCES[Math.floor(Math.random() * HINDRANCES.length)] ?? {};
    }
    subscriptions[Math.floor(Math.random() * subscriptions.length)]?.cut();
  }, 1000);

  const publishing = Array.from({ length: PUBLISHERS }, async (_, publisher) => {
    const client = open(publisher * 3 + 1);
    const answers: Promise<unknown>[] = [];
    for (let n = 0; n < EVENTS; n += 1) {
      answers.push(client.publish(channel, { type: "n", data: `${publisher}:${n}` }));
      // A pace, so that there is something under way whenever something happens.
      if (n % 25 === 0) await delay(Math.random() * 600);
    }
    await Promise.all(answers);
  });
  for (let kills = 0; kills < KILLS; kills += 1) {
    await delay(1500);
    await served.kill();
    served = await serve({ port, stateDirectory, environment });
  }
  await Promise.all(publishing);
  const [first = [], ...others] = await Promise.all(reading);
  clearInterval(chaos);
  for (const other of others) expect(other).toEqual(first);
  for (let publisher = 0; publisher < PUBLISHERS; publisher += 1) {
    const own = first.filter((data) => data.startsWith(`${publisher}:`));
    expect(own).toEqual(Array.from({ length: EVENTS }, (_, n) => `${publisher}:${n}`));
  }
  for (const client of clients) client.close();
  for (const proxy of proxies) await proxy.stop();
  await served.stop();
  await rm(stateDirectory, { recursive: true, force: true });
});
