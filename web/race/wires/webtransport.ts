import { capabilities, findSessionTarget } from "../../shell/server.ts";
import { splitLines } from "../counting-fetch.ts";
import type { LaneEvent, LaneSink, LaneWire } from "../wire.ts";
import { withToken } from "../wire.ts";

/** JSON lines on streams of HTTP/3, through the gateway (gateway/README.md). */
export const webtransport: LaneWire = {
  name: "webtransport",
  title: "WebTransport",
  family: "quic",
  path: "CONNECT {gateway}/wt",
  client: "the browser's WebTransport",
  counted: "the bytes of the stream that the server opened: one line an event",
  holdsConnection: false,

  unavailable() {
    if (!("WebTransport" in globalThis)) return "This browser has no WebTransport.";
    if (!isSecureContext) return "WebTransport needs https or localhost.";
    const known = capabilities.value;
    const isThere = known === undefined || findSessionTarget(known) !== undefined;
    return isThere
      ? undefined
      : `The gateway is ${known.gateway?.status === "unavailable" ? "not answering" : "off"}.`;
  },

  async run({ channel, after, token }, sink, signal) {
    const target = capabilities.value && findSessionTarget(capabilities.value);
    if (target === undefined) throw new Error("The gateway is off.");
    const { url, certificateHash } = target;
    const hashes =
      certificateHash === undefined ? [] : [{ algorithm: "sha-256", value: toBytes(certificateHash) }];
    const session = new WebTransport(withToken(url, token), { serverCertificateHashes: hashes });
    const cut = () => session.close();
    session.closed.catch(() => undefined);
    await session.ready;
    signal.addEventListener("abort", cut, { once: true });
    if (signal.aborted) return cut();
    const { readable, writable } = await session.createBidirectionalStream();
    const writer = writable.getWriter();
    await writer.write(
      new TextEncoder().encode(`${JSON.stringify({ op: "subscribe", ref: 1, channel, after })}\n`),
    );
    // The stream on which it was asked stays open: ending it would end the subscription's answers.
    void readable.getReader().read();
    const { value: events } = await session.incomingUnidirectionalStreams.getReader().read();
    if (events === undefined) throw new Error("The session ended.");
    for await (const line of splitLines(readPieces(events, sink))) {
      const message = JSON.parse(line) as LaneEvent & { readonly op?: string; readonly message?: string };
      if (message.op === undefined) sink.onEvent(message);
      else if (message.op === "error") throw new Error(message.message);
    }
  },
};

async function* readPieces(stream: ReadableStream<Uint8Array>, sink: LaneSink): AsyncGenerator<string, void> {
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    sink.onBytes(value.byteLength);
    sink.onLive();
    yield decoder.decode(value, { stream: true });
  }
}

function toBytes(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}
