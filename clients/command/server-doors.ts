/**
 * The doors that a server can be made of (functions/routes.ts), for completion and for what is said of a slip. A client
 * imports nothing of the server, so this is a list of its own; tests/unit/init.test.ts holds it to that table.
 */
export const SERVER_DOORS = [
  "http",
  "sse",
  "long-poll",
  "websocket",
  "graphql",
  "stream",
  "json-rpc",
  "connect",
  "durable-streams",
  "tcp",
  "webhooks",
  "queue",
  "mqtt",
  "rest",
  "guide",
  "system",
  "page",
] as const;
