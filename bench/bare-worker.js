// What the figures are compared with: workerd alone. No framework, no identity, no limits, no validation; a Durable
// Object that does the same work on storage and sockets as ours, in as few lines as that takes.
import { DurableObject } from "cloudflare:workers";

const JSON_HEADERS = { "content-type": "application/json" };
const UTF8 = new TextEncoder();

export class Bare extends DurableObject {
  #sql;
  #envelope;
  #streams = new Set();

  constructor(context, env) {
    super(context, env);
    this.#sql = context.storage.sql;
    // Stands for the attributes that an event is stored and sent with, so that both sides move the same bytes.
    this.#envelope = "e".repeat(Number(env.ENVELOPE_BYTES));
    this.#sql.exec("CREATE TABLE IF NOT EXISTS record (id TEXT PRIMARY KEY, version INTEGER, body TEXT)");
    this.#sql.exec("CREATE TABLE IF NOT EXISTS log (seq INTEGER PRIMARY KEY, ms INTEGER, body TEXT)");
    this.#sql.exec("INSERT OR REPLACE INTO record VALUES ('1', 1, ?)", env.RECORD);
  }

  get(id) {
    return this.#sql.exec("SELECT version, body FROM record WHERE id = ?", id).toArray()[0].body;
  }

  append(body) {
    const text = this.#envelope + body;
    this.#sql.exec("INSERT INTO log (ms, body) VALUES (?, ?)", Date.now(), text);
    for (const socket of this.ctx.getWebSockets()) socket.send(text);
    if (this.#streams.size > 0) {
      const bytes = UTF8.encode(`data: ${text}\n\n`);
      for (const stream of this.#streams) stream.enqueue(bytes);
    }
  }

  fetch(request) {
    if (request.headers.get("upgrade") === "websocket") {
      const { 0: client, 1: server } = new WebSocketPair();
      this.ctx.acceptWebSocket(server);
      return new Response(null, { status: 101, webSocket: client });
    }
    let own;
    const body = new ReadableStream({
      start: (controller) => {
        own = controller;
        this.#streams.add(controller);
        controller.enqueue(UTF8.encode(": bare\n\n"));
      },
      cancel: () => this.#streams.delete(own),
    });
    return new Response(body, { headers: { "content-type": "text/event-stream" } });
  }
}

export default {
  async fetch(request, env) {
    // Cheaper than parsing: http://host/kind/name
    const [, , , kind, name] = request.url.split("/");
    if (kind === "constant") return new Response(env.RECORD, { headers: JSON_HEADERS });
    const object = env.BARE.getByName(name);
    if (kind === "get") return new Response(await object.get("1"), { headers: JSON_HEADERS });
    if (kind === "append") {
      await object.append(await request.text());
      return new Response('{"ok":true}', { status: 201, headers: JSON_HEADERS });
    }
    return object.fetch(request);
  },
};
