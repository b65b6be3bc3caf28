// Run by Deno, which has QUIC: a client of WebTransport for tests that run on Node. Each TCP connection is a session of its
// own. Its first line says where to; then its lines are a bidirectional stream of that session, and what the server's own
// streams bring comes as lines between the answers.

import { ByteSource } from "../../gateway/http3/byte-source.ts";
import { encodeVarint } from "../../gateway/http3/varint.ts";
import { decodeFields, encodeFields } from "../../gateway/qpack/qpack.ts";
import { concatBytes } from "../../wire/bytes.ts";

interface Wanted {
  readonly port: number;
  readonly certificatePath: string;
  readonly token?: string;
}

const HEADERS = 0x1;
const SETTINGS = 0x4;
const BIDI = 0x41;
const UNI = 0x54;
const MAX_FIELD_BYTES = 64 * 1024;

function close(client: Deno.Conn): void {
  try {
    client.close();
  } catch {
    // It was closed by the other end.
  }
}

async function relay(client: Deno.Conn): Promise<void> {
  const { wanted, rest } = await readWanted(client);
  const quic = await Deno.connectQuic({
    hostname: "127.0.0.1",
    serverName: "localhost",
    port: wanted.port,
    alpnProtocols: ["h3"],
    caCerts: [await Deno.readTextFile(wanted.certificatePath)],
  });
  try {
    // Held: a stream that nobody refers to is closed.
    const control = (await quic.createUnidirectionalStream()).getWriter();
    await control.write(concatBytes([encodeVarint(0), encodeVarint(SETTINGS), encodeVarint(0)]));
    const request = await quic.createBidirectionalStream();
    const head = request.writable.getWriter();
    const fields = encodeFields([
      [":method", "CONNECT"],
      [":protocol", "webtransport"],
      [":scheme", "https"],
      [":authority", "localhost"],
      [":path", "/wt"],
      ...(wanted.token === undefined
        ? []
        : [["authorization", `Bearer ${wanted.token}`] as [string, string]]),
    ]);
    await head.write(concatBytes([encodeVarint(HEADERS), encodeVarint(fields.byteLength), fields]));
    const answer = new ByteSource(request.readable);
    await answer.varint();
    const status = decodeFields(await answer.bytes((await answer.varint()) ?? 0), MAX_FIELD_BYTES)[0]?.[1];
    const lines = new LineWriter(client);
    if (status !== "200") return await tellRefusal(lines, answer);
    void relayUni(quic, lines).catch(() => {});
    const stream = await quic.createBidirectionalStream();
    const writer = stream.writable.getWriter();
    await writer.write(concatBytes([encodeVarint(BIDI), encodeVarint(Number(request.readable.id)), rest]));
    const down = lines.relay(new ByteSource(stream.readable), 0);
    // It is awaited below, and may fail before: a rejection that nobody awaits would end the process.
    down.catch(() => {});
    const buffer = new Uint8Array(64 * 1024);
    for (let length = await client.read(buffer); length !== null; length = await client.read(buffer)) {
      await writer.write(buffer.slice(0, length));
    }
    await writer.close();
    await down;
  } finally {
    quic.close();
  }
}

async function readWanted(client: Deno.Conn): Promise<{ wanted: Wanted; rest: Uint8Array }> {
  let bytes: Uint8Array = new Uint8Array();
  for (;;) {
    const end = bytes.indexOf(10);
    if (end >= 0) {
      const wanted = JSON.parse(new TextDecoder().decode(bytes.subarray(0, end))) as Wanted;
      return { wanted, rest: bytes.subarray(end + 1) };
    }
    const buffer = new Uint8Array(4096);
    const length = await client.read(buffer);
    if (length === null) throw new Error("It has left.");
    bytes = concatBytes([bytes, buffer.subarray(0, length)]);
  }
}

/** The session was refused in HTTP: its error as a line. */
async function tellRefusal(lines: LineWriter, answer: ByteSource): Promise<void> {
  await answer.varint();
  const body = await answer.bytes((await answer.varint()) ?? 0);
  const { error } = JSON.parse(new TextDecoder().decode(body)) as { error: object };
  await lines.write(`${JSON.stringify({ op: "error", ...error })}\n`);
}

/** Writes whole lines, one after the other, so that those of several streams do not mix. */
class LineWriter {
  readonly #client: Deno.Conn;
  #written: Promise<void> = Promise.resolve();

  constructor(client: Deno.Conn) {
    this.#client = client;
  }

  write(text: string): Promise<void> {
    const bytes = new TextEncoder().encode(text);
    this.#written = this.#written.then(async () => {
      // A write may take only a part.
      for (let from = 0; from < bytes.byteLength; ) from += await this.#client.write(bytes.subarray(from));
    });
    return this.#written;
  }

  /** @param skipped lines at the beginning that are not told on */
  async relay(source: ByteSource, skipped: number): Promise<void> {
    const decoder = new TextDecoder();
    let text = "";
    let left = skipped;
    for await (const chunk of source.rest()) {
      text += decoder.decode(chunk, { stream: true });
      for (; left > 0 && text.includes("\n"); left -= 1) text = text.slice(text.indexOf("\n") + 1);
      const end = text.lastIndexOf("\n") + 1;
      if (left > 0 || end === 0) continue;
      await this.write(text.slice(0, end));
      text = text.slice(end);
    }
  }
}

async function relayUni(quic: Deno.QuicConn, lines: LineWriter): Promise<void> {
  const one = async (source: ByteSource) => {
    if ((await source.varint()) !== UNI) return;
    await source.varint();
    // The first line says what the stream is, which was answered already to whoever asked for it.
    await lines.relay(source, 1);
  };
  for await (const readable of quic.incomingUnidirectionalStreams) {
    void one(new ByteSource(readable)).catch(() => {});
  }
}

// What a lost connection leaves unread fails inside Deno's own streams, where nobody can await it. Other sessions go on.
addEventListener("unhandledrejection", (event) => event.preventDefault());

const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
console.log((listener.addr as Deno.NetAddr).port);
// Who started us is gone when the pipe is closed.
Deno.stdin.readable.pipeTo(new WritableStream()).finally(() => Deno.exit(0));
for await (const client of listener) {
  void relay(client)
    // The session, or who asked for it, is gone.
    .catch(() => {})
    .finally(() => close(client));
}
