import type { Call, HttpCall, SocketCall } from "../call.ts";

/** The call in JavaScript, for a browser, Node 22 and later, Deno and Bun: with nothing installed. */
export function toJavascript(call: Call, origin: string): string {
  return call.kind === "http" ? toFetch(call, origin) : toWebSocket(call, origin);
}

function toFetch({ method, path, headers, body, isStream }: HttpCall, origin: string): string {
  const options = [
    ...(method === "GET" ? [] : [`  method: ${JSON.stringify(method)},`]),
    ...(Object.keys(headers).length === 0 ? [] : [`  headers: ${JSON.stringify(headers)},`]),
    ...(body === undefined ? [] : [`  body: ${toLiteral(body)},`]),
  ];
  const given = options.length === 0 ? "" : `, {\n${options.join("\n")}\n}`;
  const url = JSON.stringify(`${origin}${path}`);
  const opening = `const response = await fetch(${url}${given});`;
  if (!isStream) return `${opening}\nconsole.log(response.status, await response.text());\n`;
  return `${opening}
for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
  console.log(text);
}
`;
}

function toWebSocket({ path, protocols, steps, until }: SocketCall, origin: string): string {
  const url = JSON.stringify(`${origin.replace(/^http/, "ws")}${path}`);
  const isBinary = steps.some(({ message }) => typeof message !== "string");
  const atOnce = steps.filter(({ after }) => after === undefined);
  const later = steps.filter(({ after }) => after !== undefined);
  const lines = [
    `const socket = new WebSocket(${url}${protocols.length > 0 ? `, ${JSON.stringify(protocols)}` : ""});`,
  ];
  if (isBinary) lines.push('socket.binaryType = "arraybuffer";');
  if (atOnce.length > 0) {
    lines.push(
      "socket.onopen = () => {",
      ...atOnce.map(({ message }) => `  socket.send(${toLiteral(message)});`),
      "};",
    );
  }
  if (isBinary) {
    // The first answer is the acknowledgement of the connection.
    lines.push("let isConnected = false;", "socket.onmessage = ({ data }) => {");
    lines.push(
      '  console.log(Array.from(new Uint8Array(data), (byte) => byte.toString(16).padStart(2, "0")).join(" "));',
    );
    for (const { message } of later) lines.push(`  if (!isConnected) socket.send(${toLiteral(message)});`);
    if (until !== undefined) lines.push("  if (isConnected) socket.close();");
    lines.push("  isConnected = true;", "};");
  } else {
    lines.push("socket.onmessage = ({ data }) => {", "  console.log(data);");
    for (const { after, message } of later) {
      lines.push(`  if (data.includes(${JSON.stringify(after)})) socket.send(${toLiteral(message)});`);
    }
    if (until !== undefined) lines.push(`  if (data.includes(${JSON.stringify(until)})) socket.close();`);
    lines.push("};");
  }
  return `${lines.join("\n")}\n`;
}

function toLiteral(body: string | Uint8Array): string {
  return typeof body === "string" ? JSON.stringify(body) : `new Uint8Array([${Array.from(body).join(", ")}])`;
}
