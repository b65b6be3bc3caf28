// Run by Deno, which has WebTransport and Node has not. Each TCP connection becomes a session: its first line says where to, then its
// bytes are a bidirectional stream of that session, and what the server's own streams bring comes back between the answers.

interface Wanted {
  readonly url: string;
  /** SHA-256 of the server's certificate, in base64. */
  readonly certificateHash: string;
}

const LINE_FEED = 10;

/** Writes to the TCP connection, one part after the other, each whole. */
class Writer {
  readonly #client: Deno.Conn;
  #written: Promise<void> = Promise.resolve();

  constructor(client: Deno.Conn) {
    this.#client = client;
  }

  write(bytes: Uint8Array): Promise<void> {
    this.#written = this.#written.then(async () => {
      for (let from = 0; from < bytes.length; ) from += await this.#client.write(bytes.subarray(from));
    });
    return this.#written;
  }
}

async function relay(client: Deno.TcpConn): Promise<void> {
  client.setNoDelay(true);
  const { wanted, rest } = await readWanted(client);
  const value = Uint8Array.from(atob(wanted.certificateHash), (character) => character.charCodeAt(0));
  const session = new WebTransport(wanted.url, {
    serverCertificateHashes: [{ algorithm: "sha-256", value }],
  });
  try {
    await session.ready;
    const writer = new Writer(client);
    void takeStreams(session, writer).catch(() => {});
    const stream = await session.createBidirectionalStream();
    void pass(stream.readable, writer).catch(() => {});
    const up = stream.writable.getWriter();
    if (rest.length > 0) await up.write(rest);
    const buffer = new Uint8Array(64 * 1024);
    for (let length = await client.read(buffer); length !== null; length = await client.read(buffer)) {
      await up.write(buffer.slice(0, length));
    }
  } finally {
    session.close();
  }
}

async function takeStreams(session: WebTransport, writer: Writer): Promise<void> {
  for await (const readable of session.incomingUnidirectionalStreams) {
    void pass(readable as ReadableStream<Uint8Array>, writer).catch(() => {});
  }
}

/** Passes on whole lines, so that those of several streams do not mix. */
async function pass(readable: ReadableStream<Uint8Array>, writer: Writer): Promise<void> {
  let rest = new Uint8Array();
  for await (const chunk of readable) {
    const bytes = new Uint8Array(rest.length + chunk.length);
    bytes.set(rest);
    bytes.set(chunk, rest.length);
    const end = bytes.lastIndexOf(LINE_FEED) + 1;
    if (end > 0) await writer.write(bytes.subarray(0, end));
    rest = bytes.slice(end);
  }
}

async function readWanted(client: Deno.Conn): Promise<{ wanted: Wanted; rest: Uint8Array }> {
  let bytes = new Uint8Array();
  for (;;) {
    const end = bytes.indexOf(LINE_FEED);
    if (end >= 0) {
      const wanted = JSON.parse(new TextDecoder().decode(bytes.subarray(0, end))) as Wanted;
      return { wanted, rest: bytes.slice(end + 1) };
    }
    const buffer = new Uint8Array(4096);
    const length = await client.read(buffer);
    if (length === null) throw new Error("It has left.");
    const more = new Uint8Array(bytes.length + length);
    more.set(bytes);
    more.set(buffer.subarray(0, length), bytes.length);
    bytes = more;
  }
}

// What a lost connection leaves unread fails inside Deno's own streams, where nobody can await it.
addEventListener("unhandledrejection", (event) => event.preventDefault());

const listener = Deno.listen({ hostname: "127.0.0.1", port: 0, transport: "tcp" });
console.log((listener.addr as Deno.NetAddr).port);
// Who started us is gone when the pipe is closed.
Deno.stdin.readable.pipeTo(new WritableStream()).finally(() => Deno.exit(0));
for await (const client of listener) {
  void relay(client)
    .catch((error) => console.error(String(error)))
    .finally(() => {
      try {
        client.close();
      } catch {
        // It was closed by the other end.
      }
    });
}
