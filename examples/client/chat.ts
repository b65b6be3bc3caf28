/** A chat in the terminal: `node examples/client/chat.ts alice [room] [url]`, after `DEV_AUTH=true npm start`. */
import { createInterface } from "node:readline";
import { joinRoom } from "../../clients/typescript/chat.ts";
import { connect } from "../../clients/typescript/index.ts";

const [name = "alice", room = "lobby", url = "http://127.0.0.1:8787"] = process.argv.slice(2);
const token = async () => {
  const response = await fetch(`${url}/auth/token`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ name }),
  });
  if (!response.ok) throw new Error("Start the server with DEV_AUTH=true: it gives tokens only then.");
  return ((await response.json()) as { readonly token: string }).token;
};

const client = connect(url, { token });
const lobby = joinRoom(client, room);
lobby.on("message", ({ from, text }) => console.log(`${from}: ${text}`));
lobby.on("members", (members) => console.log(`[here: ${members.map((member) => member.name).join(", ")}]`));
lobby.on("typing", (ids) => ids.length > 0 && console.log(`[${ids.join(", ")} is writing]`));
lobby.on("state", (state) => console.log(`[${state}]`));

const lines = createInterface({ input: process.stdin });
process.stdin.on("data", () => lobby.startTyping());
for await (const line of lines) if (line !== "") await lobby.send(line);
lobby.leave();
client.close();
