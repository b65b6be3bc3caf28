import type { Race } from "./race.ts";

/** What the numbers are, and are not. */
export function Reading({ race }: { readonly race: Race }) {
  const { origins, lanes } = race.budget;
  const isShared = !Number.isFinite(lanes);
  return (
    <section class="card" aria-label="How to read it">
      <div class="card-head">
        <h2>How to read it</h2>
      </div>
      <div class="card-body reading">
        <details open>
          <summary>What is timed</summary>
          <p>
            From just before this page publishes until its code has the event, by one clock, the page's own.
            The request, the write to disk, the delivery and the browser's queue are all in it. All lanes
            share one thread and one server: what they have in common cancels out, what is left is the wire
            and its client. What comes after a cut is counted, and not timed.
          </p>
        </details>
        <details>
          <summary>What is counted</summary>
          <p>
            The bytes that the browser gives the page, before decoding: bodies and frames, with their own
            framing. Heads of HTTP and of WebSocket frames, TLS and TCP it does not see. Each lane says what
            it counts where its number is pointed at.
          </p>
        </details>
        <details open={!isShared}>
          <summary>Why this page has {isShared ? "one connection for all" : "two names"}</summary>
          {isShared ? (
            <p>
              It came over HTTP/2 or 3, where every request shares one connection. Over HTTP/1.1 a browser
              would open six to a name, and the seventh lane would wait for ever.
            </p>
          ) : (
            <p>
              {race.heldConnections} of these lanes each hold an HTTP connection open, and a browser opens at
              most six to one name over HTTP/1.1: the seventh would wait for ever. WebSockets are not among
              them.{" "}
              {origins.length > 1
                ? `So the lanes share ${origins.map((origin) => new URL(origin).host).join(" and ")}, which are the same server: the trick that sites used before HTTP/2.`
                : `So at most ${lanes} of them can run here. Over HTTP/2, as behind the gateway or in a deploy, all of them share one connection.`}
            </p>
          )}
        </details>
        <details>
          <summary>How loss is proved</summary>
          <p>
            Each event has a number, and the log answers each publish with a <code>sequence</code>. A lane
            remembers which numbers came and its last sequence, its cursor. The log is ordered: an event
            before the cursor that did not come never will, and is counted as lost. After a cut a lane asks
            for <code>after={"{cursor}"}</code>, on every wire the same.
          </p>
        </details>
      </div>
    </section>
  );
}
