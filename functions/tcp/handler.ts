import type { Edge } from "../boundary/edge.ts";
import { LineConnection } from "./connection.ts";

/** Serves one connection until both of its halves are closed, or it breaks. */
export async function serveLines(edge: Edge, socket: Socket): Promise<void> {
  const { remoteAddress = "" } = await socket.opened;
  // Without the port, which is another one for every connection of the same client.
  const address = remoteAddress.replace(/:\d+$/, "");
  await new LineConnection(edge, socket, address).run();
}
