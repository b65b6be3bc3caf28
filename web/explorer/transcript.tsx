import { useSignal } from "@preact/signals";
import { Notice } from "../parts/notice.tsx";
import { formatBytes, formatMs } from "../race/format.ts";
import { Icon } from "../shell/icons.tsx";
import type { Entry, Exchange } from "./exchange.ts";
import { HexDump } from "./hex-dump.tsx";

/** What went over the wire, both ways. */
export function Transcript({ exchange }: { readonly exchange: Exchange }) {
  const isHex = useSignal(false);
  const entries = exchange.entries.value;
  return (
    <section class="card" aria-label="Exchange">
      <div class="card-head">
        <h2>On the wire</h2>
        {exchange.isRunning.value && <span class="badge good">open</span>}
        <label class="row small">
          <input
            type="checkbox"
            checked={isHex.value}
            onChange={(event) => (isHex.value = event.currentTarget.checked)}
          />
          Show bytes
        </label>
      </div>
      <div class="card-body stack">
        {exchange.problem.value !== undefined && <Notice kind="bad">{exchange.problem.value}</Notice>}
        {entries.length === 0 && exchange.problem.value === undefined ? (
          <div class="empty">
            <p>Nothing sent yet.</p>
            <p class="small">Send the call, and every request, answer and frame is listed here.</p>
          </div>
        ) : (
          <ol class="transcript" aria-live="polite">
            {entries.map((entry) => (
              <EntryRow key={entry.number} entry={entry} isHex={isHex.value} />
            ))}
          </ol>
        )}
        <p class="hint">
          Heads of HTTP are as far as a page sees them: the browser adds its own, and hides some. Bodies and
          frames are exact.
        </p>
      </div>
    </section>
  );
}

function EntryRow({ entry, isHex }: { readonly entry: Entry; readonly isHex: boolean }) {
  const { direction, title, atMs, bytes, decoded, text } = entry;
  if (direction === "note") {
    return (
      <li class="entry note">
        <span>{title}</span> <span class="num">{formatMs(atMs)}</span>
      </li>
    );
  }
  const isHead = title === "request" || title === "response";
  return (
    <li class={`entry ${direction}`}>
      <div class="entry-head">
        <Icon name={direction === "out" ? "up" : "down"} />
        <strong>{direction === "out" ? "sent" : "received"}</strong> {title}
        <span class="num">
          {!isHead && bytes !== undefined && `${formatBytes(bytes.byteLength)} · `}
          {formatMs(atMs)}
        </span>
      </div>
      {decoded?.map((item, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: what was decoded of an entry never changes
        <pre key={index} class="entry-text">
          {item}
        </pre>
      ))}
      {text !== undefined && <pre class="entry-text">{isHead ? text : toPretty(text)}</pre>}
      {bytes !== undefined && !isHead && (isHex || (decoded !== undefined && decoded.length === 0)) && (
        <HexDump bytes={bytes} />
      )}
    </li>
  );
}

/** JSON with its lines broken; everything else as it is. */
function toPretty(text: string): string {
  if (!/^\s*[{[]/.test(text)) return text;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
