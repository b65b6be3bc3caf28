// A broadcast on Socket.IO, over WebSockets only.
import { createServer } from "node:http";
import { Server } from "socket.io";

const server = createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  sockets.emit("event", JSON.parse(Buffer.concat(chunks)));
  response.writeHead(201, { "content-type": "application/json", "content-length": 11 });
  response.end('{"ok":true}');
});
const sockets = new Server(server, { transports: ["websocket"], serveClient: false });

server.listen(Number(process.argv[2]), "127.0.0.1");
