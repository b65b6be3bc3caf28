// Node's own http server: a point read in node:sqlite, and server-sent events from a set of responses.
import { createServer } from "node:http";
import { products } from "./product-store.js";

const store = products();
const streams = new Set();

async function readBody(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function answer(response, status, text) {
  response.writeHead(status, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(text),
  });
  response.end(text);
}

const server = createServer(async (request, response) => {
  const { method, url } = request;
  if (method === "GET" && url.startsWith("/products/")) {
    const found = store.find(url.slice("/products/".length));
    if (found === undefined) return answer(response, 404, '{"error":"not found"}');
    return answer(response, 200, JSON.stringify(found));
  }
  if (method === "GET" && url === "/sse") {
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
    response.write(": open\n\n");
    streams.add(response);
    response.on("close", () => streams.delete(response));
    return;
  }
  if (method === "POST" && url === "/publish") {
    const event = `data: ${await readBody(request)}\n\n`;
    for (const stream of streams) stream.write(event);
    return answer(response, 201, '{"ok":true}');
  }
  answer(response, 404, '{"error":"not found"}');
});

server.listen(Number(process.argv[2]), "127.0.0.1");
