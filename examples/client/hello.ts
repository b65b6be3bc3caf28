/** Publishes and reads: `node examples/client/hello.ts [url]`, after `npm start`. */
import { connect } from "../../clients/typescript/index.ts";

const client = connect(process.argv[2] ?? "http://127.0.0.1:8787");
const subscription = client.subscribe("demo/hello");
await subscription.ready;
console.log(`reads over ${subscription.transport}`);
const { sequence } = await client.publish("demo/hello", { type: "greeting", data: "hi" });
console.log(`published as ${sequence}`);
for await (const event of subscription) {
  console.log(`received ${JSON.stringify(event.data)}; the cursor is ${subscription.cursor}`);
  break;
}
client.close();
