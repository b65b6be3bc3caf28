import type { Call, HttpCall, SocketCall } from "../call.ts";

/** The call in Python 3: `requests` for HTTP, `websockets` for a WebSocket. */
export function toPython(call: Call, origin: string): string {
  return call.kind === "http" ? toRequests(call, origin) : toWebsockets(call, origin);
}

function toRequests({ method, path, headers, body, isStream }: HttpCall, origin: string): string {
  const given = [
    JSON.stringify(`${origin}${path}`),
    ...(Object.keys(headers).length === 0 ? [] : [`headers=${JSON.stringify(headers)}`]),
    ...(body === undefined ? [] : [`data=${toLiteral(body)}`]),
    ...(isStream ? ["stream=True"] : []),
  ];
  const call = `response = requests.${method.toLowerCase()}(\n    ${given.join(",\n    ")},\n)`;
  const print = isStream
    ? "for chunk in response.iter_content(chunk_size=None):\n    print(chunk)"
    : "print(response.status_code, response.content)";
  return `import requests  # pip install requests\n\n${call}\n${print}\n`;
}

function toWebsockets({ path, protocols, steps, until }: SocketCall, origin: string): string {
  const url = JSON.stringify(`${origin.replace(/^http/, "ws")}${path}`);
  const given = protocols.length > 0 ? `, subprotocols=${JSON.stringify(protocols)}` : "";
  const lines = [
    "from websockets.sync.client import connect  # pip install websockets",
    "",
    `with connect(${url}${given}) as socket:`,
  ];
  for (const { after, message } of steps) {
    if (after !== undefined) lines.push("    print(socket.recv())");
    lines.push(`    socket.send(${toLiteral(message)})`);
  }
  if (until === undefined) lines.push("    for message in socket:", "        print(message)");
  else if (steps.some(({ message }) => typeof message !== "string")) lines.push("    print(socket.recv())");
  else {
    lines.push(
      "    for message in socket:",
      "        print(message)",
      `        if ${toLiteral(until)} in message:`,
      "            break",
    );
  }
  return `${lines.join("\n")}\n`;
}

/** JSON's texts are Python's too, and so are its numbers; bytes have a form of their own. */
function toLiteral(body: string | Uint8Array): string {
  if (typeof body === "string") return JSON.stringify(body);
  return `bytes.fromhex("${Array.from(body, (byte) => byte.toString(16).padStart(2, "0")).join("")}")`;
}
