import type { MqttSessions } from "../core/mqtt-session.ts";

/** Each client's session in a Durable Object of its name. */
export function createMqttSessions(namespace: DurableObjectNamespace): MqttSessions {
  return {
    async open(session, opening) {
      const headers = { upgrade: "websocket" };
      const { webSocket } = await namespace.getByName(session).fetch("https://session/", { headers });
      if (webSocket === null) throw new Error("The session answered without a socket.");
      // Whatever the runtime's default is.
      webSocket.binaryType = "arraybuffer";
      webSocket.accept();
      webSocket.send(JSON.stringify(opening));
      return webSocket;
    },
  };
}
