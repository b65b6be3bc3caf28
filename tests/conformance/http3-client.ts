// Run by Deno: a client of HTTP/3 that writes each byte itself, so that it can break every rule. It prints what came back
// for each of its cases, as JSON.

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { decode, encode } from "@msgpack/msgpack";
import { ByteSource } from "../../gateway/http3/byte-source.ts";
import { encodeVarint } from "../../gateway/http3/varint.ts";
import { decodeFields, encodeFields } from "../../gateway/qpack/qpack.ts";
import { withLength } from "../../gateway/webtransport/length-prefixed.ts";
import { SessionRequestSchema, SessionResponseSchema } from "../../proto/gen/everywire/v1/session_pb.ts";
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

interface Session {
  readonly status: string;
  readonly protocol: string | undefined;
  /** Sends messages on a bidirectional stream, ends it, and gives all that came back. */
  ask(...messages: Uint8Array[]): Promise<Uint8Array>;
}

async function openSession(on: Deno.QuicConn, more: Fields = [], path = "/wt"): Promise<Session> {
  const { readable, writable } = await on.createBidirectionalStream();
  const writer = writable.getWriter();
  kept.push(writer);
  await writer.write(headers([...request("CONNECT", path), [":protocol", "webtransport"], ...more]));
  const source = new ByteSource(readable);
  await source.varint();
  const fields = decodeFields(await source.bytes((await source.varint()) ?? 0), 1e6);
  const prefix = concatBytes([encodeVarint(0x41), encodeVarint(Number(readable.id))]);
  return {
    status: fields[0]?.[1] ?? "none",
    protocol: fields.find(([name]) => name === "wt-protocol")?.[1],
    async ask(...messages) {
      const stream = await on.createBidirectionalStream();
      const out = stream.writable.getWriter();
      await out.write(concatBytes([prefix, ...messages]));
      await out.close();
      const parts: Uint8Array[] = [];
      for await (const chunk of new ByteSource(stream.readable).rest()) parts.push(chunk);
      return concatBytes(parts);
    },
  };
}

const offer = (names: string): Fields => [["wt-available-protocols", names]];

await test("webtransport in JSON", async () => {
  const session = await openSession(connection);
  const line = utf8(`{"op":"publish","ref":1,"channel":"${channel}","type":"t"}\n`);
  const answers = new TextDecoder().decode(
    await session.ask(line, utf8("nonsense\n"), utf8('{"op":"ping"}')),
  );
  const ops = answers
    .trim()
    .split("\n")
    .map((text) => JSON.parse(text).op);
  return `${session.status} ${session.protocol} ${ops.sort()}`;
});
await test("webtransport in MessagePack", async () => {
  const session = await openSession(connection, offer('"other", "everywire.msgpack"'));
  const bytes = Uint8Array.of(0, 255);
  const line = { op: "publish", ref: 1, channel, type: "t", data_bytes: bytes };
  const answer = await session.ask(withLength(encode(line)));
  const { op, ref, duplicate } = decode(answer.subarray(4)) as Record<string, unknown>;
  return `${session.protocol} ${op} ${ref} ${duplicate}`;
});
await test("webtransport in Protobuf", async () => {
  const session = await openSession(connection, offer('"everywire.protobuf"'));
  const operation = {
    case: "publish" as const,
    value: { channel, type: "t", dataBytes: Uint8Array.of(0, 255) },
  };
  const message = toBinary(SessionRequestSchema, create(SessionRequestSchema, { ref: "r", operation }));
  const answer = await session.ask(withLength(message), withLength(utf8("nonsense")));
  const first = new DataView(answer.buffer, answer.byteOffset).getUint32(0);
  const read = (bytes: Uint8Array) => fromBinary(SessionResponseSchema, bytes);
  const cases = [read(answer.subarray(4, 4 + first)), read(answer.subarray(8 + first))];
  return `${session.protocol} ${cases.map(({ message: { case: name } }) => name).sort()}`;
});
await test("webtransport with a subprotocol that nobody knows", async () =>
  (await openSession(connection, offer('"other"'))).status);
await test("webtransport from a page of elsewhere", async () =>
  (await openSession(connection, [["origin", "https://evil.example"]])).status);
await test("webtransport from a page of this machine", async () =>
  (await openSession(connection, [["origin", "http://localhost:5173"]])).status);
await test("webtransport with a bad token", async () =>
  (await openSession(connection, [["authorization", "Bearer nonsense"]])).status);
await test("webtransport elsewhere", async () => (await openSession(connection, [], "/elsewhere")).status);
await test("webtransport, one session more than there may be", async () => {
  const on = await connect();
  const statuses: string[] = [];
  for (let n = 0; n < 17; n += 1) statuses.push((await openSession(on)).status);
  return `${statuses.filter((status) => status === "200").length} then ${statuses.at(-1)}`;
});

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
