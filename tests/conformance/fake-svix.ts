import type { IncomingMessage } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

export interface SvixCall {
  readonly method: string;
  readonly path: string;
  readonly authorization: string | undefined;
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever came
  readonly body: any;
}

export interface FakeSvix {
  readonly url: string;
  readonly calls: SvixCall[];
  /** A status for a call that is to fail; undefined lets it pass. */
  fail: (call: SvixCall) => number | undefined;
  stop(): void;
}

/**
 * A few of the paths of Svix's REST API, answered as its SDK expects them. It delivers nothing and knows none of Svix's
 * rules but two: an application has to be there, and an `eventId` is taken once. It shows what we ask of Svix, and not
 * that Svix does it.
 */
export async function startFakeSvix(): Promise<FakeSvix> {
  const applications = new Set<string>();
  const messages = new Set<string>();
  const fake: FakeSvix = { url: "", calls: [], fail: () => undefined, stop: () => server.close() };
  const answer = (call: SvixCall): { status: number; body?: object } => {
    const failure = fake.fail(call);
    if (failure !== undefined) return { status: failure, body: { code: "failed", detail: "" } };
    const [application = "", kind, id, ...rest] = call.path.replace("/api/v1/app", "").split("/").slice(1);
    const now = new Date().toISOString();
    if (call.method === "POST" && application === "") {
      applications.add(call.body.uid);
      return {
        status: 201,
        body: { ...call.body, id: "app_1", createdAt: now, updatedAt: now, metadata: {} },
      };
    }
    if (!applications.has(application)) return { status: 404, body: { code: "not_found", detail: "" } };
    if (call.method === "DELETE" && kind === undefined) {
      applications.delete(application);
      return { status: 204 };
    }
    if (kind === "msg" && id === undefined) {
      const { eventId } = call.body;
      if (messages.has(eventId)) return { status: 409, body: { code: "conflict", detail: "" } };
      messages.add(eventId);
      return { status: 202, body: { ...call.body, id: `msg_${messages.size}`, timestamp: now } };
    }
    if (kind === "endpoint" && rest.length === 0) {
      return {
        status: 200,
        body: { id: "ep_1", ...call.body, metadata: {}, createdAt: now, updatedAt: now },
      };
    }
    if (kind === "endpoint" && rest.join("/") === "secret/rotate") return { status: 204 };
    return { status: 501, body: { code: "not_faked", detail: call.path } };
  };
  const server = createServer((request, response) => {
    void readCall(request).then((call) => {
      fake.calls.push(call);
      const { status, body } = answer(call);
      response.writeHead(status, { "content-type": "application/json" });
      response.end(body === undefined ? undefined : JSON.stringify(body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  server.unref();
  return Object.assign(fake, { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
}

async function readCall(request: IncomingMessage): Promise<SvixCall> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString("utf8");
  const { pathname } = new URL(request.url ?? "", "http://svix");
  return {
    method: request.method ?? "",
    path: pathname.replace(/\/$/, ""),
    authorization: request.headers.authorization,
    body: text === "" ? undefined : JSON.parse(text),
  };
}
