// What the figures are compared with: workerd alone. No framework, no identity, no limits, no validation; a Durable
// Object that does the same work on storage and sockets as ours, in as few lines as that takes.
import { DurableObject } from "cloudflare:workers";

const JSON_HEADERS = { "content-type": "application/json" };
const UTF8 = new TextEncoder();
const MQTT_CONNECT = 0x10;
const MQTT_PUBLISH_QOS_1 = 0x32;

export class Bare extends DurableObject {
  #sql;
  #envelope;
  #eventStreams = new Set();
  #lineStreams = new Set();
  #waiters = [];

  constructor(context, env) {
    super(context, env);
    this.#sql = context.storage.sql;
    // Stands for the attributes that an event is stored and sent with, so that both sides move the same bytes.
    this.#envelope = "e".repeat(Number(env.ENVELOPE_BYTES));
    this.#sql.exec("CREATE TABLE IF NOT EXISTS record (id TEXT PRIMARY KEY, version INTEGER, body BLOB)");
    this.#sql.exec("CREATE TABLE IF NOT EXISTS log (seq INTEGER PRIMARY KEY, ms INTEGER, body TEXT)");
    this.#sql.exec("INSERT OR REPLACE INTO record VALUES ('1', 1, ?)", env.RECORD);
    // What other doors answer, byte for byte, so that nothing has to be encoded here.
    for (const [id, base64] of Object.entries(env.ANSWERS ?? {})) {
      const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
      this.#sql.exec("INSERT OR REPLACE INTO record VALUES (?, 1, ?)", id, bytes);
    }
  }

  get(id) {
    return this.#sql.exec("SELECT version, body FROM record WHERE id = ?", id).toArray()[0].body;
  }

  append(body) {
    const text = this.#envelope + body;
    this.#insert(text);
    for (const socket of this.ctx.getWebSockets()) socket.send(text);
    if (this.#eventStreams.size > 0) send(this.#eventStreams, `data: ${text}\n\n`);
    if (this.#lineStreams.size > 0) send(this.#lineStreams, `${text}\n`);
    if (this.#waiters.length > 0) for (const wake of this.#waiters.splice(0)) wake();
  }

  /** A page after `seq`, when there is one. */
  async poll(seq) {
    const read = () => this.#sql.exec("SELECT seq, body FROM log WHERE seq > ? LIMIT 100", seq).toArray();
    let rows = read();
    while (rows.length === 0) {
      await new Promise((resolve) => this.#waiters.push(resolve));
      rows = read();
    }
    return `{"events":[${rows.map(({ body }) => body).join()}],"next":"${rows.at(-1).seq}"}`;
  }

  fetch(request) {
    const [, , , kind] = request.url.split("/");
    if (request.headers.get("upgrade") === "websocket") {
      const { 0: client, 1: server } = new WebSocketPair();
      this.ctx.acceptWebSocket(server);
      const headers = kind === "mqtt" ? { "sec-websocket-protocol": "mqtt" } : {};
      return new Response(null, { status: 101, webSocket: client, headers });
    }
    const streams = kind === "lines" ? this.#lineStreams : this.#eventStreams;
    let own;
    const body = new ReadableStream({
      start: (controller) => {
        own = controller;
        streams.add(controller);
        controller.enqueue(UTF8.encode(kind === "lines" ? "\n" : ": bare\n\n"));
      },
      cancel: () => streams.delete(own),
    });
    const contentType = kind === "lines" ? "application/x-ndjson" : "text/event-stream";
    return new Response(body, { headers: { "content-type": contentType } });
  }

  /** MQTT 3.1.1, as far as a publish at QoS 1 goes: a whole packet in a message, a length of one or two bytes. */
  webSocketMessage(socket, message) {
    const bytes = new Uint8Array(message);
    if (bytes[0] === MQTT_CONNECT) return socket.send(Uint8Array.of(0x20, 2, 0, 0));
    if (bytes[0] !== MQTT_PUBLISH_QOS_1) return;
    const topic = bytes[1] < 0x80 ? 2 : 3;
    const id = topic + 2 + (bytes[topic] << 8) + bytes[topic + 1];
    this.#insert(this.#envelope + new TextDecoder().decode(bytes.subarray(id + 2)));
    socket.send(Uint8Array.of(0x40, 2, bytes[id], bytes[id + 1]));
  }

  #insert(text) {
    this.#sql.exec("INSERT INTO log (ms, body) VALUES (?, ?)", Date.now(), text);
  }
}

function send(streams, text) {
  const bytes = UTF8.encode(text);
  for (const stream of streams) stream.enqueue(bytes);
}

export default {
  async fetch(request, env) {
    // Cheaper than parsing: http://host/kind/name
    const [, , , kind, name] = request.url.split("/");
    if (kind === "constant") return new Response(env.RECORD, { headers: JSON_HEADERS });
    if (kind === "call") {
      // An RPC of any protocol: its body is read, not understood, and answered with bytes that are ready.
      await request.arrayBuffer();
      const answer = await env.BARE.getByName("records").get(name);
      return new Response(answer, { headers: { "content-type": request.headers.get("content-type") } });
    }
    if (kind === "poll") {
      const [id, after] = name.split("?after=");
      return new Response(await env.BARE.getByName(id).poll(Number(after)), { headers: JSON_HEADERS });
    }
    const object = env.BARE.getByName(name);
    if (kind === "get") return new Response(await object.get("1"), { headers: JSON_HEADERS });
    if (kind === "append") {
      await object.append(await request.text());
      return new Response('{"ok":true}', { status: 201, headers: JSON_HEADERS });
    }
    return object.fetch(request);
  },

  /** A line, an insert, a line back. */
  async connect(socket, env) {
    const object = env.BARE.getByName("tcp");
    const writer = socket.writable.getWriter();
    let rest = "";
    for await (const text of socket.readable.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop();
      for (const line of lines) {
        await object.append(line);
        await writer.write(UTF8.encode('{"op":"ack"}\n'));
      }
    }
    await writer.close();
  },
};
