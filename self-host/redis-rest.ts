import { serve } from "@hono/node-server";
import { createApp } from "@humanwhocodes/upstash-redis-server";
import { Hono } from "hono";
import { bearerAuth } from "hono/bearer-auth";

/**
 * Speaks Upstash's REST API for a Redis of one's own (`REDIS_URL`), on `PORT`, to whoever has `URS_TOKEN`. The package's own
 * server asks for the token at `/` alone, and `/pipeline` is as powerful: so it is asked for here, whatever the path.
 */
const { URS_TOKEN: token, REDIS_URL: redisUrl, PORT = "8079" } = process.env;
if (!token || !redisUrl) {
  console.error("Set URS_TOKEN, which its callers have to have, and REDIS_URL.");
  process.exit(1);
}
const app = new Hono().use("*", bearerAuth({ token })).mount("/", createApp({ token, redisUrl }).fetch);
const server = serve(
  { fetch: app.fetch, port: Number(PORT), hostname: process.env.HOST || "127.0.0.1" },
  () => console.log(`Upstash's REST API is on port ${PORT}.`),
);
process.on("SIGTERM", () => {
  server.close(() => process.exit(0));
});
