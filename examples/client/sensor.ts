/**
 * A typed channel that survives what networks do: `node examples/client/sensor.ts [url]`, after `npm start`. Stop the server
 * and start it again while it runs: readings wait, and nothing is lost or stored twice.
 */
import { z } from "zod";
import { connect } from "../../clients/typescript/index.ts";

const READINGS = 30;
const client = connect(process.argv[2] ?? "http://127.0.0.1:8787");
const sensor = client.channel("demo/sensor", {
  schema: { "temperature.read": z.object({ celsius: z.number(), at: z.number() }) },
});

const subscription = sensor.subscribe();
subscription.on("state", (state) => console.log(`[${state}]`));
subscription.on("transport", (wire) => console.log(`[over ${wire}]`));
await subscription.ready;

let made = 0;
const timer = setInterval(() => {
  made += 1;
  if (made === READINGS) clearInterval(timer);
  // As a network would, now and then.
  if (made % 10 === 0) subscription.cut();
  const data = { celsius: 20 + Math.sin(made / 5), at: made };
  sensor.publish({ type: "temperature.read", data }).catch((error) => console.error(String(error)));
}, 200);

let received = 0;
for await (const event of subscription) {
  if (event.type !== "temperature.read") continue;
  received += 1;
  console.log(`${event.data.at}: ${event.data.celsius.toFixed(2)} degrees`);
  if (received === READINGS) break;
}
client.close();
