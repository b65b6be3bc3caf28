import type { OnEvent, Publish, Read } from "./client.ts";
import { resume } from "./resume.ts";

/**
 * The address is that of the gateway: `https://localhost:8443`. It needs a `WebTransport`: browsers and Deno have one, Node has
 * not. With the certificate for development, `#` and its SHA-256 in base64 follow.
 */
async function connect(url: string): Promise<WebTransport> {
  const { origin, hash } = new URL(url);
  const value = Uint8Array.from(atob(decodeURIComponent(hash.slice(1))), (char) => char.charCodeAt(0));
  const serverCertificateHashes = value.length === 0 ? [] : [{ algorithm: "sha-256", value }];
  const session = new WebTransport(`${origin}/wt`, { serverCertificateHashes });
  await session.ready;
  return session;
}

/** Opens a stream, sends a line on it, and gives the lines that answer. */
async function ask(session: WebTransport, line: object) {
  const { readable, writable } = await session.createBidirectionalStream();
  await writable.getWriter().write(new TextEncoder().encode(`${JSON.stringify(line)}\n`));
  return toLines(readable);
}

async function* toLines(readable: ReadableStream) {
  const reader = readable.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
    const lines = (rest + chunk.value).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const told = JSON.parse(line);
      if (told.op === "error") throw new Error(told.message);
      yield told;
    }
  }
}

export const publish: Publish = async (url, channel, data) => {
  const session = await connect(url);
  for await (const { op } of await ask(session, { op: "publish", channel, type: "note", data }))
    if (op === "ack") break;
  session.close();
};

export const open: Read = async (url, channel, after, onEvent) => {
  const session = await connect(url);
  const answers = await ask(session, { op: "subscribe", channel, after });
  const { value } = await answers.next();
  if (value?.op !== "subscribed") throw new Error("The subscription was not answered.");
  // The events come on a stream that the server opens.
  const streams = session.incomingUnidirectionalStreams.getReader();
  const stream = await streams.read();
  if (stream.value) for await (const line of toLines(stream.value)) if (line.op === undefined) onEvent(line);
};

export const read: Read = (url, channel, after, onEvent: OnEvent) =>
  resume(after, onEvent, (cursor, onNext) => open(url, channel, cursor, onNext));
