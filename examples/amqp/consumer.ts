/**
 * One of several consumers of a work queue: start as many as you like with `node examples/amqp/consumer.ts`. Each gets one task
 * at a time. One that is killed in the middle of its task loses nothing: another one gets that task.
 */
import { setTimeout as delay } from "node:timers/promises";
import { connect } from "amqplib";

const { AMQP_URL = "amqp://127.0.0.1:5672", AMQP_PREFIX = "everywire" } = process.env;
const queue = `${AMQP_PREFIX}.example.tasks`;

const connection = await connect(AMQP_URL);
const channel = await connection.createChannel();
await channel.assertQueue(queue, { durable: true });
await channel.bindQueue(queue, AMQP_PREFIX, "demo.tasks");
// The next one comes when this one is done, so that who is fast gets more of them.
await channel.prefetch(1);
await channel.consume(queue, async (message) => {
  if (message === null) throw new Error("The queue is gone.");
  const { number, milliseconds } = JSON.parse(message.content.toString()) as {
    number: number;
    milliseconds: number;
  };
  await delay(milliseconds);
  console.log(`task ${number} is done`);
  channel.ack(message);
});
console.log("waits for tasks");
