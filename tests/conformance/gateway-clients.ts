import { once } from "node:events";
import type { ClientHttp2Session, ClientHttp2Stream, IncomingHttpHeaders } from "node:http2";
import { connect } from "node:http2";
import { Agent, request } from "node:https";
import type { Target } from "./door-driver.ts";

/** The gateway's certificate for development is nobody's. */
export const UNTRUSTED = { rejectUnauthorized: false } as const;

export function toTlsUrl({ gateway }: Target): string {
  return `https://127.0.0.1:${gateway?.tlsPort}`;
}

/** A connection of HTTP/2 to the TLS port. */
export async function connectHttp2(target: Target): Promise<ClientHttp2Session> {
  const session = connect(toTlsUrl(target), UNTRUSTED);
  session.on("error", () => {});
  await once(session, "remoteSettings");
  return session;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** One request on HTTP/2, whole. */
export async function askHttp2(
  session: ClientHttp2Session,
  headers: Readonly<Record<string, string>>,
  body?: string | Buffer,
): Promise<Answer> {
  const stream = session.request(headers, { endStream: body === undefined });
  if (body !== undefined) stream.end(body);
  return readAnswer(stream);
}

/** What comes back on a stream. Rejects where it is cut. */
export function readAnswer(stream: ClientHttp2Stream): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let headers: IncomingHttpHeaders & { ":status"?: number | undefined } = {};
    const chunks: Buffer[] = [];
    stream.once("response", (received) => (headers = received));
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.once("end", () => {
      if (stream.rstCode === 0)
        resolve({ status: headers[":status"] ?? 0, headers, body: Buffer.concat(chunks) });
    });
    stream.once("error", reject);
    stream.once("close", () => reject(new Error("The stream was closed before its end.")));
  });
}

/** One request on HTTP/1.1 over TLS, whole. */
export async function askHttp1(
  target: Target,
  path: string,
  options: {
    readonly method?: string;
    readonly headers?: Record<string, string>;
    readonly body?: string | Buffer;
  } = {},
): Promise<Answer> {
  const agent = new Agent({ ...UNTRUSTED, ALPNProtocols: ["http/1.1"] });
  const { method = "GET", headers = {}, body } = options;
  const sent = request(toTlsUrl(target) + path, { agent, method, headers });
  sent.end(body);
  const [response] = await once(sent, "response");
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  agent.destroy();
  return { status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks) };
}

/** Resolves when it holds. */
export async function until(holds: () => Promise<boolean> | boolean, timeoutMs = 10_000): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error("It did not come about.");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
