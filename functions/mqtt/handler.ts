import { EverywireError } from "../../core/error.ts";
import type { Edge, EdgeContext } from "../boundary/edge.ts";
import { chooseSubprotocol } from "../boundary/identity.ts";
import { ByteWriter } from "./byte-writer.ts";
import type { Transport } from "./link.ts";
import { MqttConnection } from "./link.ts";

export const PATH = "/mqtt";
const SUBPROTOCOLS = ["mqtt", "mqttv3.1"];
const UNSUPPORTED_DATA = 1003;

/** MQTT over TCP. */
export async function serveMqttSocket(edge: Edge, socket: Socket): Promise<void> {
  const { remoteAddress = "" } = await socket.opened;
  const writer = new ByteWriter(socket.writable);
  const reader = socket.readable.getReader();
  const transport: Transport = {
    send: (bytes) => writer.write(bytes),
    close: () => {
      // What was written before goes out first; then nobody waits for the other end.
      writer.close();
      reader.cancel().catch(() => undefined);
    },
  };
  const address = remoteAddress.slice(0, remoteAddress.lastIndexOf(":"));
  const connection = new MqttConnection(edge, transport, { kind: "anonymous", address });
  try {
    while (!connection.isEnded) {
      const { done, value } = await reader.read();
      if (done) break;
      await connection.onBytes(value as Uint8Array);
    }
  } catch {
    // The client has cut the connection, which is its way to end it.
  } finally {
    connection.end();
    await connection.ended.promise;
  }
}

/** MQTT over a WebSocket (MQTT 5 §6): packets may be cut anywhere and several may come in one frame. */
export function openMqttSocket(c: EdgeContext): Response {
  const request = c.req.raw;
  if (request.headers.get("upgrade")?.toLowerCase() !== "websocket") {
    throw new EverywireError("invalid_argument", "This is a WebSocket: send 'Upgrade: websocket'.");
  }
  const subprotocol = chooseSubprotocol(request, SUBPROTOCOLS);
  const { 0: client, 1: server } = new WebSocketPair();
  server.binaryType = "arraybuffer";
  server.accept();
  const transport: Transport = {
    send: async (bytes) => server.send(bytes),
    close: () => {
      try {
        server.close(1000);
      } catch {
        // It was closed by the client first.
      }
    },
  };
  const connection = new MqttConnection(c.get("edge"), transport, c.get("identity"));
  // A client that leaves ends what its request has still to do, but for this.
  c.executionCtx.waitUntil(connection.ended.promise);
  // One after the other: a packet's bytes may come in several frames.
  let before: Promise<void> = Promise.resolve();
  let waitingBytes = 0;
  server.addEventListener("message", ({ data }) => {
    if (!(data instanceof ArrayBuffer)) {
      server.close(UNSUPPORTED_DATA, "MQTT is in binary frames.");
      connection.end();
      return;
    }
    waitingBytes += data.byteLength;
    // A WebSocket cannot be held back, so who sends on and on without waiting for anything is let go.
    if (waitingBytes > MAX_WAITING_BYTES) return connection.end();
    before = before
      .then(() => (connection.isEnded ? undefined : connection.onBytes(new Uint8Array(data))))
      .then(() => {
        waitingBytes -= data.byteLength;
      });
  });
  const onEnd = () => void before.then(() => connection.end());
  server.addEventListener("close", onEnd);
  server.addEventListener("error", onEnd);
  const headers = new Headers();
  if (subprotocol !== undefined) headers.set("sec-websocket-protocol", subprotocol);
  return new Response(null, { status: 101, webSocket: client, headers });
}

const MAX_WAITING_BYTES = 16 * 1024 * 1024;
