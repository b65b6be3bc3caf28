// An MQTT broker on aedes, over TCP and WebSockets, in memory.
import { createServer } from "node:http";
import { createServer as createTcpServer } from "node:net";
import { Aedes } from "aedes";
import { createWebSocketStream, WebSocketServer } from "ws";

const [port, webSocketPort] = process.argv.slice(2).map(Number);
const broker = await Aedes.createBroker();
const tcp = createTcpServer({ noDelay: true }, broker.handle);
const http = createServer();
const sockets = new WebSocketServer({
  server: http,
  perMessageDeflate: false,
  handleProtocols: () => "mqtt",
});
sockets.on("connection", (socket, request) => broker.handle(createWebSocketStream(socket), request));
http.listen(webSocketPort, "127.0.0.1");
tcp.listen(port, "127.0.0.1");
