import type { DoorDriver, Reader, Target } from "../door-driver.ts";
import { assertOk, toHeaders, toUrl } from "../http-exchange.ts";
import { startReceiver, verifyWebhook } from "../webhook-receiver.ts";

/**
 * A receiver of webhooks, and an endpoint that leads to it. Every delivery's signature is checked. An anonymous caller may
 * have no endpoint: where the channel is open to anybody, the driver signs in first, as a user who may do nothing more.
 */
export const webhooks: DoorDriver = {
  name: "webhooks",

  async read(target: Target, channel: string, after?: string): Promise<Reader> {
    const who = (await needsOwner(target, channel)) ? await signIn(target) : target;
    const receiver = await startReceiver();
    const call = (method: string, path: string, body?: object) =>
      fetch(toUrl(who, path), {
        method,
        headers: toHeaders(who, { "content-type": "application/json" }),
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    const created = await call("POST", "/webhooks/endpoints", {
      url: receiver.url,
      channels: [channel],
      ...(after === undefined ? {} : { after }),
    });
    const { id, secret } = (await (await assertOk(created)).json()) as { id: string; secret: string };
    let cursor = after;
    return {
      get cursor() {
        return cursor;
      },
      async next(timeoutMs) {
        const webhook = await receiver.accepted.next(timeoutMs);
        verifyWebhook(webhook, secret);
        const { event } = webhook;
        const sequence = event.sequence as string | undefined;
        cursor = sequence ?? (event.data as { resumedAt?: string }).resumedAt ?? cursor;
        return { sequence, event };
      },
      async cut() {
        await receiver.kill();
        await assertOk(await call("DELETE", `/webhooks/endpoints/${id}`));
      },
    };
  },
};

/** Whether nobody in particular asks, for what nobody in particular may read. */
async function needsOwner(target: Target, channel: string): Promise<boolean> {
  if (target.token !== undefined) return false;
  return (await fetch(toUrl(target, `/channels/${channel}`))).status !== 401;
}

/** What is open to anybody on every wire is read here by somebody, since an endpoint has an owner. */
async function signIn(target: Target): Promise<Target> {
  const response = await fetch(`${target.url}/auth/token`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ name: "webhook-reader" }),
  });
  const { token } = (await (await assertOk(response)).json()) as { token: string };
  return { url: target.url, token };
}
