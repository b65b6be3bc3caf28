// The reference server of Durable Streams, file-backed.
import { DurableStreamTestServer } from "@durable-streams/server";

const server = new DurableStreamTestServer({
  host: "127.0.0.1",
  port: Number(process.argv[2]),
  dataDir: "streams",
});
await server.start();
