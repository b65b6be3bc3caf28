// A WebSocket broadcast on `ws`, in production settings: no compression, one text for all.
import { createServer } from "node:http";
import { WebSocket, WebSocketServer } from "ws";

const server = createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const event = Buffer.concat(chunks);
  for (const socket of sockets.clients) {
    if (socket.readyState === WebSocket.OPEN) socket.send(event, { binary: false });
  }
  response.writeHead(201, { "content-type": "application/json", "content-length": 11 });
  response.end('{"ok":true}');
});
const sockets = new WebSocketServer({ server, perMessageDeflate: false });

server.listen(Number(process.argv[2]), "127.0.0.1");
