/**
 * Runs one of the clients: `node examples/clients/run.ts <client> <url> <channel> [after]`, after `npm start`. It publishes one
 * event, then prints what it reads, a line each, until it is stopped. Where a wire only reads, it publishes nothing.
 * `ONE_CONNECTION=1` leaves away what the file itself does to go on after a cut.
 */
import type { Client } from "./client.ts";

const [name = "", url = "http://127.0.0.1:8787", channel = "demo/hello", after = "earliest"] =
  process.argv.slice(2);
const { publish, read, open = read } = (await import(`./${name}.ts`)) as Client;
await publish?.(url, channel, `hello from ${name}`);
const take = process.env.ONE_CONNECTION === undefined ? read : open;
// A library may wait for its next attempt on a timer that keeps no process alive.
const awake = setInterval(() => undefined, 60_000);
try {
  await take(url, channel, after, ({ type, sequence, data }) => {
    // What is not stored has no place in the order: presence, typing.
    if (sequence !== undefined || type === "everywire.gap")
      console.log(JSON.stringify({ sequence, type, data }));
  });
} finally {
  clearInterval(awake);
}
