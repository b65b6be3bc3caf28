// Works tasks off a channel, beside as many others as you start. Usage: node examples/queue/consumer.mjs
// The channel and the server: CHANNEL (demo/tasks), EVERYWIRE_URL (http://127.0.0.1:8787), EVERYWIRE_TOKEN.
// It ends when there was nothing to do for IDLE_SECONDS (10).

import { setTimeout as delay } from "node:timers/promises";

const url = process.env.EVERYWIRE_URL ?? "http://127.0.0.1:8787";
const channel = process.env.CHANNEL ?? "demo/tasks";
const idleSeconds = Number(process.env.IDLE_SECONDS ?? 10);
const headers = { "content-type": "application/json" };
if (process.env.EVERYWIRE_TOKEN) headers.authorization = `Bearer ${process.env.EVERYWIRE_TOKEN}`;

for (;;) {
  // Waits on the server until there is a task, and then has it alone for two seconds.
  const { messages } = await call("lease", { max: 1, visibilityTimeout: 2, wait: idleSeconds });
  const [message] = messages;
  if (message === undefined) break;
  const { n } = message.event.data;
  try {
    await work(n, message.attempt);
    const { expired } = await call("ack", { leaseIds: [message.leaseId] });
    // Too slow: the task is somebody else's by now, and what was done here may be done twice.
    console.log(expired.length > 0 ? `late ${n}` : `done ${n}`);
  } catch (error) {
    await call("nack", { leaseIds: [message.leaseId], delay: 1 });
    console.log(`failed ${n} ${error.message}`);
  }
}

async function work(n, attempt) {
  await delay(10);
  // Stands for what goes wrong the first time.
  if (n % 7 === 0 && attempt === 1) throw new Error("no luck");
}

async function call(action, body) {
  const response = await fetch(`${url}/queue/${channel}/${action}`, {
    method: "POST",
    headers,
    body: JSON.stringify(body),
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error.message);
  return answer;
}
