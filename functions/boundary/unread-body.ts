/** What is read of a body that nobody wants, and for how long: about what a client sends before it looks for an answer. */
const MAX_DRAINED_BYTES = 32 * 1024 * 1024;
const MAX_DRAINED_MS = 10_000;
const FIRST_ERROR_STATUS = 400;

/**
 * A refusal of a request whose body was not read to its end. workerd closes the connection under a client that still
 * sends, and the answer is lost with it: many clients look for one only when they have sent everything, and a proxy
 * between may be in the middle of sending. So the answer goes out at once and whole, and stays unfinished, by its end and
 * not by its length, while the rest of the body is read and thrown away.
 */
export async function drainedBehind(request: Request, response: Response): Promise<Response> {
  const { body } = request;
  if (response.status < FIRST_ERROR_STATUS || body === null || body.locked) return response;
  // Where the runtime is another one, the connection is its business too.
  if (!("FixedLengthStream" in globalThis)) return response;
  const bytes = new Uint8Array(await response.arrayBuffer());
  const { readable, writable } = new FixedLengthStream(bytes.byteLength);
  void send(bytes, body, writable.getWriter());
  return new Response(readable, response);
}

async function send(
  bytes: Uint8Array,
  body: ReadableStream<Uint8Array>,
  writer: WritableStreamDefaultWriter,
): Promise<void> {
  try {
    await writer.write(bytes);
    await drain(body);
    await writer.close();
  } catch {
    // The client has left, which is what it may do.
  }
}

async function drain(body: ReadableStream<Uint8Array>): Promise<void> {
  const reader = body.getReader();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, MAX_DRAINED_MS, undefined);
  });
  try {
    for (let length = 0; length < MAX_DRAINED_BYTES; ) {
      const result = await Promise.race([reader.read(), late]);
      if (result === undefined || result.done) return;
      length += result.value.byteLength;
    }
  } finally {
    clearTimeout(timer);
    reader.cancel().catch(() => {});
  }
}
