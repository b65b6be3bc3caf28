import type { Door } from "../door.ts";
import type { Edge } from "./edge.ts";

/** Hands a TCP connection to the door whose port it came in on; one that nobody listens for is closed. */
export async function serveTcp(doors: readonly Door[], edge: Edge, socket: Socket): Promise<void> {
  const { localAddress } = await socket.opened;
  const port = Number(localAddress?.split(":").at(-1));
  const entrance = doors.find(
    ({ tcp }) => tcp !== undefined && edge.settings.tcpPorts[tcp.port] === port,
  )?.tcp;
  try {
    await entrance?.serve(edge, socket);
  } catch (thrown) {
    console.error(`A connection to port ${port} was cut by a fault`, thrown);
  }
  // Where it is closed already, or the other end has cut it, there is nothing left to do.
  await socket.close().catch(() => {});
}
