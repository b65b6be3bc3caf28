import { execFileSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { buildIfStale } from "../../scripts/build.ts";
import type { Served } from "../../scripts/serve.ts";
import { serve } from "../../scripts/serve.ts";
import { assertOk } from "../conformance/http-exchange.ts";
import { WebhookClient } from "../conformance/webhook-client.ts";
import type { ReceivedWebhook, WebhookReceiver } from "../conformance/webhook-receiver.ts";
import { startReceiver, verifyWebhook } from "../conformance/webhook-receiver.ts";

/** The issue asks for 2,000; `WEBHOOK_EVENTS=2000` runs it as it asks, which takes about four minutes. */
const EVENTS = Number(process.env.WEBHOOK_EVENTS ?? 120);
const FAILURE_RATE = 0.7;
const CHANNEL = "rooms/recovery";
const TIMEOUT_MS = 30_000 + EVENTS * 500;

let stateDirectory: string;
let served: Served;
beforeAll(async () => {
  await buildIfStale();
  stateDirectory = await mkdtemp(join(tmpdir(), "everywire-test-"));
  served = await start();
}, 60_000);
afterAll(async () => {
  await served.stop();
  await rm(stateDirectory, { recursive: true, force: true });
});

const start = () =>
  serve({
    port: 0,
    stateDirectory,
    // With the retries of a local run, as whoever types `npm start` has them.
    environment: { DEV_AUTH: "true", RATE_LIMITS: "off", ALLOW_PRIVATE_WEBHOOKS: "true" },
  });

async function signIn(): Promise<WebhookClient> {
  const response = await fetch(`${served.url}/auth/token`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ name: "alice" }),
  });
  const { token } = (await (await assertOk(response)).json()) as { token: string };
  return new WebhookClient({ url: served.url, token });
}

it(
  `delivers ${EVENTS} events in order to a receiver that fails 7 times in 10 and dies twice, though the runtime dies too`,
  async () => {
    const accepted: ReceivedWebhook[] = [];
    let attempts = 0;
    const answer = (webhook: ReceivedWebhook) => {
      attempts += 1;
      if (Math.random() < FAILURE_RATE) return { status: attempts % 2 === 0 ? 500 : 429 };
      accepted.push(webhook);
      return { status: 200 };
    };
    let receiver: WebhookReceiver = await startReceiver(answer);
    let alice = await signIn();
    const { id, secret } = await alice.create({ url: receiver.url, channels: [CHANNEL] });
    const numbers = Array.from({ length: EVENTS }, (_, index) => index);
    for (let from = 0; from < EVENTS; from += 100)
      await alice.publish(CHANNEL, numbers.slice(from, from + 100));

    const reached = (part: number) =>
      vi.waitFor(() => expect(accepted.length).toBeGreaterThanOrEqual(EVENTS * part), {
        timeout: TIMEOUT_MS,
        interval: 5,
      });
    const killReceiver = async () => {
      await receiver.kill();
      await vi.waitFor(
        async () => {
          const [pending] = await alice.deliveries(id, "?state=pending");
          expect(pending).toMatchObject({ error: "It could not be reached." });
        },
        { timeout: 10_000, interval: 20 },
      );
      receiver = await startReceiver(answer, receiver.port);
    };
    await reached(0.25);
    await killReceiver();
    await reached(0.5);
    await served.kill();
    served = await start();
    alice = await signIn();
    await reached(0.75);
    await killReceiver();

    const seen = new Map<string, ReceivedWebhook>();
    await vi.waitFor(
      () => {
        for (const webhook of accepted) if (!seen.has(webhook.id)) seen.set(webhook.id, webhook);
        expect(seen.size).toBe(EVENTS);
      },
      { timeout: TIMEOUT_MS, interval: 50 },
    );
    expect([...seen.values()].map(({ event }) => event.data)).toEqual(numbers);
    // At least once: what was answered as something died may come again, and little else.
    expect(accepted.length - EVENTS).toBeLessThanOrEqual(3);
    expect(attempts).toBeGreaterThan(EVENTS * 2);
    for (const webhook of accepted) verifyWebhook(webhook, secret);
    expect(verifyInPython(accepted, secret)).toEqual(accepted.map(() => "good"));
    expect(await alice.deliveries(id, "?state=dead-lettered")).toEqual([]);
    await receiver.kill();
  },
  TIMEOUT_MS,
);

function verifyInPython(webhooks: readonly ReceivedWebhook[], secret: string): readonly string[] {
  const lines = webhooks.map(({ id, headers, body }) =>
    JSON.stringify({
      secret,
      id,
      timestamp: headers["webhook-timestamp"],
      signature: headers["webhook-signature"],
      body,
    }),
  );
  const script = new URL("../conformance/verify_webhook.py", import.meta.url).pathname;
  const said = execFileSync("python3", [script], { input: lines.join("\n"), encoding: "utf8" });
  return said.trim().split("\n");
}
