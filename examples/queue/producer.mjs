// Puts tasks on a channel by way of the queue. Usage: node examples/queue/producer.mjs [count]
// The channel and the server: CHANNEL (demo/tasks), EVERYWIRE_URL (http://127.0.0.1:8787), EVERYWIRE_TOKEN.

const url = process.env.EVERYWIRE_URL ?? "http://127.0.0.1:8787";
const channel = process.env.CHANNEL ?? "demo/tasks";
const count = Number(process.argv[2] ?? 20);
const headers = { "content-type": "application/json" };
if (process.env.EVERYWIRE_TOKEN) headers.authorization = `Bearer ${process.env.EVERYWIRE_TOKEN}`;

for (let n = 1; n <= count; n += 1) {
  const response = await fetch(`${url}/queue/${channel}`, {
    method: "POST",
    // Sent again under the same key, it would be the same task.
    headers: { ...headers, "idempotency-key": `${process.pid}-${n}` },
    body: JSON.stringify({ type: "task", data: { n } }),
  });
  const answer = await response.json();
  if (response.status !== 202) throw new Error(answer.error.message);
  console.log(`queued ${n} ${answer.messageId}`);
}
