/**
 * The producer of a work queue: `node examples/amqp/producer.ts 20` hands over 20 tasks. Each is an event on the channel
 * `demo/tasks` too, where everybody can watch: `curl -N http://127.0.0.1:8787/sse/demo/tasks`.
 */
import { randomUUID } from "node:crypto";
import { connect } from "amqplib";

const { AMQP_URL = "amqp://127.0.0.1:5672", AMQP_PREFIX = "everywire" } = process.env;
const count = Number(process.argv[2] ?? 10);

const connection = await connect(AMQP_URL);
const channel = await connection.createConfirmChannel();
for (let number = 1; number <= count; number += 1) {
  const task = Buffer.from(JSON.stringify({ number, milliseconds: 50 + Math.random() * 200 }));
  channel.publish(`${AMQP_PREFIX}.in`, "demo.tasks", task, {
    // A task that is handed over twice is done once.
    messageId: randomUUID(),
    type: "task.created",
    contentType: "application/json",
    persistent: true,
  });
}
// Not before the broker says so are they safe.
await channel.waitForConfirms();
console.log(`${count} tasks were handed over.`);
await connection.close();
