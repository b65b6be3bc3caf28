/** A block of an event stream that has data, an id, or both. */
export interface StreamBlock {
  readonly id: string | undefined;
  readonly event: string;
  readonly data: string | undefined;
}

/** Reads an event stream (WHATWG HTML §9.2.6), wherever its chunks begin and end. Comments are left out. */
export async function* readEventStream(body: ReadableStream<Uint8Array>): AsyncGenerator<StreamBlock> {
  let id: string | undefined;
  let event = "message";
  let data: string[] = [];
  for await (const line of readTextLines(body)) {
    if (line === "") {
      if (id !== undefined || data.length > 0) {
        yield { id, event, data: data.length === 0 ? undefined : data.join("\n") };
      }
      id = undefined;
      event = "message";
      data = [];
      continue;
    }
    const colon = line.indexOf(":");
    const name = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? "" : line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
    if (name === "data") data.push(value);
    else if (name === "id") id = value;
    else if (name === "event") event = value;
  }
}

/** Cuts a body into lines ended by LF or CRLF; what is left at the end is the last line. */
export async function* readTextLines(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of body) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) yield line.endsWith("\r") ? line.slice(0, -1) : line;
  }
  if (rest !== "") yield rest;
}
