import { createServer } from "node:http";
import { text } from "node:stream/consumers";
import { Webhook } from "svix";
import type { Event, Read } from "./client.ts";

const {
  EVERYWIRE_TOKEN,
  RECEIVER_PORT = "8080",
  RECEIVER_URL = `http://127.0.0.1:${RECEIVER_PORT}`,
} = process.env;

/** A receiver. The sender keeps the cursor and tries again until it is answered 2xx, so there is nothing to resume here. */
export const read: Read = async (url, channel, after, onEvent) => {
  let webhook: Webhook | undefined;
  let last = "";
  const server = createServer(async (request, response) => {
    try {
      const body = await text(request);
      if (webhook === undefined) throw new Error("The endpoint's secret is not there yet.");
      webhook.verify(body, request.headers as Record<string, string>);
      const event = JSON.parse(body) as Event;
      // At least once: again where our answer was lost.
      if (event.sequence === undefined || event.sequence > last) onEvent(event);
      last = event.sequence ?? last;
      response.writeHead(204).end();
    } catch (error) {
      response.writeHead(400).end(String(error));
    }
  });
  await new Promise<void>((resolve) => server.listen(Number(RECEIVER_PORT), "127.0.0.1", resolve));
  const created = await fetch(`${url}/webhooks/endpoints`, {
    method: "POST",
    headers: { authorization: `Bearer ${EVERYWIRE_TOKEN}`, "content-type": "application/json" },
    body: JSON.stringify({ url: RECEIVER_URL, channels: [channel], after }),
  });
  if (!created.ok) throw new Error(await created.text());
  webhook = new Webhook(((await created.json()) as { secret: string }).secret);
  await new Promise((_, reject) => server.on("error", reject));
};
