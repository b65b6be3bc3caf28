import type { Http2Session } from "node:http2";

const ANSWER_MS = 20_000;

/** Asks a client again and again whether it is there (RFC 9113 §6.7), and ends the connection of one that is not. */
export function keepAlive(session: Http2Session, everyMs: number): void {
  let answer: ReturnType<typeof setTimeout> | undefined;
  const timer = setInterval(() => {
    if (session.closed || session.destroyed || answer !== undefined) return;
    answer = setTimeout(() => session.destroy(), ANSWER_MS);
    session.ping(() => {
      clearTimeout(answer);
      answer = undefined;
    });
  }, everyMs);
  session.once("close", () => {
    clearInterval(timer);
    clearTimeout(answer);
  });
}
