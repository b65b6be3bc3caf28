import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Webhook } from "svix";
import { Received } from "./received-events.ts";

/** A webhook as it came, its signature not looked at yet. */
export interface ReceivedWebhook {
  readonly id: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly event: Readonly<Record<string, unknown>>;
}

/** What a receiver answers; undefined leaves the request open. */
export interface ReceiverAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export type Answer = (webhook: ReceivedWebhook) => ReceiverAnswer | undefined;

/** Somebody's HTTP server: a real one, on a port of its own. */
export interface WebhookReceiver {
  readonly url: string;
  readonly port: number;
  /** What came and was answered 2xx, in the order in which it came. */
  readonly accepted: Received<ReceivedWebhook>;
  /** Everything that came. */
  readonly all: ReceivedWebhook[];
  answer: Answer;
  /** Cuts all connections and listens no more. */
  kill(): Promise<void>;
}

export async function startReceiver(
  answer: Answer = () => ({ status: 200 }),
  port = 0,
): Promise<WebhookReceiver> {
  const accepted = new Received<ReceivedWebhook>();
  const all: ReceivedWebhook[] = [];
  const server = createServer((request, response) => {
    void readWebhook(request)
      .then((webhook) => {
        all.push(webhook);
        const answered = receiver.answer(webhook);
        if (answered === undefined) return;
        respond(response, answered);
        if (answered.status >= 200 && answered.status < 300) accepted.push(webhook);
      })
      .catch(() => response.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  server.unref();
  const { port: taken } = server.address() as AddressInfo;
  const receiver: WebhookReceiver = {
    url: `http://127.0.0.1:${taken}/hook`,
    port: taken,
    accepted,
    all,
    answer,
    kill: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return receiver;
}

/** @throws where none of the signatures is of this secret, as svix's own library has it */
export function verifyWebhook(webhook: ReceivedWebhook, secret: string): void {
  const { headers, body } = webhook;
  const family = (name: string) => ({
    [`${name}-id`]: String(headers[`${name}-id`]),
    [`${name}-timestamp`]: String(headers[`${name}-timestamp`]),
    [`${name}-signature`]: String(headers[`${name}-signature`]),
  });
  for (const name of ["webhook", "svix"]) new Webhook(secret).verify(body, family(name));
}

async function readWebhook(request: IncomingMessage): Promise<ReceivedWebhook> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks).toString("utf8");
  const event = JSON.parse(body) as Record<string, unknown>;
  return { id: String(request.headers["webhook-id"]), headers: request.headers, body, event };
}

function respond(response: ServerResponse, { status, headers = {}, body = "" }: ReceiverAnswer): void {
  response.writeHead(status, headers);
  response.end(body);
}
