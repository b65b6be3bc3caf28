import { once } from "node:events";
import type { AddressInfo, Socket } from "node:net";
import { createServer } from "node:net";
import { HttpMessages } from "../http-messages.ts";
import type { OpenReader } from "../reader.ts";

const TAKEN = "HTTP/1.1 204 No Content\r\n\r\n";

/** A receiver of our own, and an endpoint that pushes to it. It looks at no signature: that is the receiver's cost, in its language. */
export const readWebhooks: OpenReader = async (place, { channel, after, onBytes }) => {
  const sockets = new Set<Socket>();
  let sentBytes = 0;
  let receivedBytes = 0;
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    const messages = new HttpMessages(() => {
      sentBytes += TAKEN.length;
      socket.write(TAKEN);
    });
    socket.on("data", (chunk) => {
      receivedBytes += chunk.length;
      onBytes(chunk);
      messages.push(chunk);
    });
    socket.on("error", () => undefined);
    socket.on("close", () => sockets.delete(socket));
  });
  const host = place.readerHost ?? "127.0.0.1";
  server.listen(0, host);
  await once(server, "listening");
  const url = `http://${host}:${(server.address() as AddressInfo).port}/`;
  const response = await fetch(`${place.url}/webhooks/endpoints`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${place.token}` },
    body: JSON.stringify({ url, channels: [channel], after }),
  });
  const text = await response.text();
  if (response.status !== 201) throw new Error(`An endpoint was answered ${response.status}: ${text}`);
  const { id } = JSON.parse(text) as { readonly id: string };
  return {
    get traffic() {
      return { sentBytes, receivedBytes };
    },
    close: async () => {
      await fetch(`${place.url}/webhooks/endpoints/${id}`, {
        method: "DELETE",
        headers: { authorization: `Bearer ${place.token}` },
      }).catch(() => undefined);
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
};
