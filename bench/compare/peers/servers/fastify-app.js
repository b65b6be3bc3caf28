// REST on Fastify with a point read in node:sqlite, and JSON-RPC beside it.
import Fastify from "fastify";
import { product, products } from "./product-store.js";

const app = Fastify();
const store = products();
const schema = {
  response: {
    200: {
      type: "object",
      properties: {
        id: { type: "string" },
        name: { type: "string" },
        category: { type: "string" },
        price: { type: "number" },
        stock: { type: "integer" },
        createdAt: { type: "string" },
      },
    },
  },
};

app.get("/products/:id", { schema }, (request, reply) => {
  const found = store.find(request.params.id);
  if (found === undefined) return reply.code(404).send({ error: "not found" });
  return reply.send(found);
});

const methods = new Map([["products.get", ({ id }) => store.find(id)]]);

app.post("/rpc", (request, reply) => {
  const { id, method, params } = request.body;
  const call = methods.get(method);
  if (call === undefined) {
    return reply.send({ jsonrpc: "2.0", error: { code: -32601, message: "Method not found" }, id });
  }
  return reply.send({ jsonrpc: "2.0", result: call(params), id });
});

await app.listen({ host: "127.0.0.1", port: Number(process.argv[2]) });
console.log(`${product.id} is at port ${process.argv[2]}`);
