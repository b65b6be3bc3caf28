// Run by Deno: a client of HTTP/3 that writes each byte itself, so that it can break every rule. It prints what came back
// for each of its cases, as JSON.

import { ByteSource } from "../../gateway/http3/byte-source.ts";
import { encodeVarint } from "../../gateway/http3/varint.ts";
import { decodeFields, encodeFields } from "../../gateway/qpack/qpack.ts";
import { concatBytes } from "../../wire/bytes.ts";

const [port = "", certificatePath = "", channel = ""] = Deno.args;
const certificate = Deno.readTextFileSync(certificatePath);

const DATA = 0;
const HEADERS = 1;
const SETTINGS = 4;

type Fields = [name: string, value: string][];
const frame = (type: number, payload: Uint8Array) =>
  concatBytes([encodeVarint(type), encodeVarint(payload.byteLength), payload]);
const utf8 = (text: string) => new TextEncoder().encode(text);
const headers = (fields: Fields) => frame(HEADERS, encodeFields(fields));
const request = (method: string, path: string, more: Fields = []): Fields => [
  [":method", method],
  [":scheme", "https"],
  [":authority", "localhost"],
  [":path", path],
  ...more,
];
const NO_SETTINGS = concatBytes([encodeVarint(0), frame(SETTINGS, new Uint8Array())]);

async function connect(control: Uint8Array | "none" = NO_SETTINGS): Promise<Deno.QuicConn> {
  const connection = await Deno.connectQuic({
    hostname: "127.0.0.1",
    serverName: "localhost",
    port: Number(port),
    alpnProtocols: ["h3"],
    caCerts: [certificate],
  });
  if (control !== "none") await openUni(connection, control);
  return connection;
}

/** Kept, since a stream that nobody refers to is closed. */
const kept: unknown[] = [];
async function openUni(connection: Deno.QuicConn, bytes: Uint8Array) {
  const writer = (await connection.createUnidirectionalStream()).getWriter();
  kept.push(writer);
  await writer.write(bytes);
  return writer;
}

interface Answer {
  readonly fields: Fields;
  readonly body: string;
  readonly trailers: Fields;
}

async function readAnswer(source: ByteSource): Promise<Answer> {
  const sections: Fields[] = [];
  let body = "";
  for (;;) {
    const type = await source.varint();
    if (type === undefined) break;
    const payload = await source.bytes((await source.varint()) ?? 0);
    if (type === HEADERS) sections.push([...decodeFields(payload, 1e6)] as Fields);
    else if (type === DATA) body += new TextDecoder("latin1").decode(payload);
  }
  return { fields: sections[0] ?? [], body, trailers: sections[1] ?? [] };
}

const statusOf = ({ fields }: Answer) => fields.find(([name]) => name === ":status")?.[1] ?? "none";

/** Sends these bytes on a stream of their own, and ends it. */
async function ask(connection: Deno.QuicConn, ...parts: Uint8Array[]): Promise<Answer> {
  const { readable, writable } = await connection.createBidirectionalStream();
  const writer = writable.getWriter();
  await writer.write(concatBytes(parts));
  await writer.close();
  return readAnswer(new ByteSource(readable));
}

const results: Record<string, string> = {};
const test = async (name: string, run: () => Promise<string>) => {
  const late = new Promise<string>((resolve) => setTimeout(resolve, 5000, "nothing in 5 s"));
  results[name] = await Promise.race([run().catch((error: Error) => `error: ${error.message}`), late]);
};

/** What must end the connection, and with which code. */
const breaks = (
  name: string,
  run: (connection: Deno.QuicConn) => Promise<unknown>,
  control?: Uint8Array | "none",
) =>
  test(name, async () => {
    const connection = await connect(control);
    run(connection).catch(() => {});
    const { closeCode } = await connection.closed;
    return `closed 0x${closeCode.toString(16)}`;
  });

const connection = await connect();
const health = async (using = connection, ...before: Uint8Array[]) => {
  const answer = await ask(using, ...before, headers(request("GET", "/health")));
  return `${statusOf(answer)} ${JSON.parse(answer.body).status}`;
};
const json: Fields = [["content-type", "application/json"]];
const event = utf8('{"type":"t","data":1}');

await test("get", () => health());
await test("post", async () => {
  const length: Fields = [["content-length", String(event.byteLength)]];
  const head = headers(request("POST", `/channels/${channel}`, [...json, ...length]));
  return statusOf(await ask(connection, head, frame(DATA, event)));
});
await test("post without content-length", async () => {
  const head = headers(request("POST", `/channels/${channel}`, json));
  return statusOf(
    await ask(connection, head, frame(DATA, event.subarray(0, 5)), frame(DATA, event.subarray(5))),
  );
});
await test("grease and unknown frames", () =>
  health(connection, frame(0x21, utf8("grease")), frame(0x4000, utf8("x"))));
await test("headers too large", async () => {
  const more: Fields = Array.from({ length: 50 }, (_, n) => [`x-${n}`, "y".repeat(1000)]);
  return statusOf(await ask(connection, headers(request("GET", "/health", more))));
});
await test("malformed: no method", async () => statusOf(await ask(connection, headers([[":path", "/"]]))));
await test("malformed: a line break in a value", async () =>
  statusOf(await ask(connection, headers(request("GET", "/health", [["a", "b\r\nc: d"]])))));
await test("grpc over HTTP/3", async () => {
  const message = Uint8Array.from([0x0a, channel.length, ...utf8(channel), 0x12, 1, 0x74]);
  const envelope = concatBytes([Uint8Array.of(0, 0, 0, 0, message.byteLength), message]);
  const path = "/everywire.v1.ChannelService/Publish";
  const head = headers(
    request("POST", path, [
      ["content-type", "application/grpc"],
      ["te", "trailers"],
    ]),
  );
  const answer = await ask(connection, head, frame(DATA, envelope));
  const [, status] = answer.trailers.find(([name]) => name === "grpc-status") ?? [];
  return `${statusOf(answer)} grpc-status=${status}`;
});
await test("websocket over HTTP/3", async () => {
  const { readable, writable } = await connection.createBidirectionalStream();
  const writer = writable.getWriter();
  await writer.write(headers([...request("CONNECT", `/ws/${channel}`), [":protocol", "websocket"]]));
  const source = new ByteSource(readable);
  await source.varint();
  const fields = decodeFields(await source.bytes((await source.varint()) ?? 0), 1e6);
  // A ping, masked with zeros.
  await writer.write(frame(DATA, Uint8Array.of(0x89, 0x80, 0, 0, 0, 0)));
  await source.varint();
  const [opcode] = await source.bytes((await source.varint()) ?? 0);
  await writer.close();
  return `${fields[0]?.[1]} ${opcode === 0x8a ? "pong" : opcode}`;
});
await test("an unknown protocol", async () =>
  statusOf(await ask(connection, headers([...request("CONNECT", "/"), [":protocol", "carrier-pigeon"]]))));

await breaks("DATA before HEADERS", (on) => ask(on, frame(DATA, utf8("x"))));
await breaks("a frame of HTTP/2", (on) => ask(on, frame(0x6, utf8("x"))));
await breaks("a field section with a dynamic table", (on) =>
  ask(on, frame(HEADERS, Uint8Array.of(1, 0, 0x80))),
);
await breaks("a second control stream", (on) => openUni(on, NO_SETTINGS));
await breaks(
  "no settings",
  (on) => openUni(on, concatBytes([encodeVarint(0), frame(7, encodeVarint(0))])),
  "none",
);
await breaks(
  "settings twice",
  () => Promise.resolve(),
  concatBytes([NO_SETTINGS, frame(SETTINGS, new Uint8Array())]),
);
await breaks(
  "a setting of HTTP/2",
  (on) => openUni(on, concatBytes([encodeVarint(0), frame(SETTINGS, Uint8Array.of(2, 0))])),
  "none",
);
await breaks("the control stream closed", async (on) => (await openUni(on, NO_SETTINGS)).close(), "none");
await breaks("an instruction of QPACK's encoder", (on) => openUni(on, Uint8Array.of(2, 0x3f, 0x20)));
await breaks("a push stream", (on) => openUni(on, Uint8Array.of(1, 0)));
await breaks("an empty datagram", (on) => on.sendDatagram(new Uint8Array()));
await test("after all that", async () => health(await connect()));

console.log(JSON.stringify(results));
Deno.exit(0);
