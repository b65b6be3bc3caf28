import { useId } from "preact/hooks";
import { Icon } from "../shell/icons.tsx";
import { capabilities } from "../shell/server.ts";
import { formatBytes } from "./format.ts";
import type { PublisherName } from "./publisher.ts";
import type { Race } from "./race.ts";
import { SIZES } from "./race.ts";

/** Start and stop, how fast, how large, and through what. */
export function Controls({ race }: { readonly race: Race }) {
  const { isRunning, isPublishing, rate, sizeIndex, publisherName } = race;
  const id = useId();
  const { maxRate } = race;
  const shownRate = Math.min(rate.value, maxRate);
  const size = SIZES[sizeIndex.value] ?? 0;
  const isAnyCut = race.lanes.some(({ state }) => state.value === "cut");
  const isLimited = capabilities.value?.rateLimits === true;
  return (
    <section class="card controls" aria-label="Controls">
      <div class="controls-buttons">
        {isRunning.value ? (
          <button type="button" class="button primary big" onClick={() => race.stop()}>
            <Icon name="stop" /> Stop
          </button>
        ) : (
          <button type="button" class="button primary big" onClick={() => void race.start()}>
            <Icon name="play" /> Start the race
          </button>
        )}
        <button type="button" class="button big" disabled={!isRunning.value} onClick={() => race.toggleAll()}>
          <Icon name={isAnyCut ? "link" : "cut"} /> {isAnyCut ? "Reconnect all" : "Cut all"}
        </button>
        <button
          type="button"
          class="button big"
          disabled={!isRunning.value}
          aria-pressed={!isPublishing.value}
          onClick={() => (isPublishing.value = !isPublishing.value)}
        >
          {isPublishing.value ? "Pause publishing" : "Go on publishing"}
        </button>
      </div>
      <div class="field">
        <label class="label slider-label" for={`${id}-rate`}>
          Rate <output class="num">{shownRate} / s</output>
        </label>
        <input
          id={`${id}-rate`}
          type="range"
          min={1}
          max={maxRate}
          value={shownRate}
          aria-valuetext={`${shownRate} events a second`}
          onInput={(event) => (rate.value = Number(event.currentTarget.value))}
        />
        <span class="hint">
          {isLimited
            ? `The server takes ${maxRate}/s from one sender. RATE_LIMITS=off npm start goes to 200.`
            : "Rates are off on this server."}
        </span>
      </div>
      <div class="field">
        <label class="label slider-label" for={`${id}-size`}>
          Data <output class="num">{size === 0 ? "a number" : formatBytes(size)}</output>
        </label>
        <input
          id={`${id}-size`}
          type="range"
          min={0}
          max={SIZES.length - 1}
          value={sizeIndex.value}
          aria-valuetext={size === 0 ? "a number alone" : formatBytes(size)}
          onInput={(event) => (sizeIndex.value = Number(event.currentTarget.value))}
        />
        <span class="hint">Beside it each event has about 200 bytes of attributes.</span>
      </div>
      <div class="field">
        <label class="label" for={`${id}-via`}>
          Publish through
        </label>
        <select
          id={`${id}-via`}
          class="input"
          disabled={isRunning.value}
          value={publisherName.value}
          onChange={(event) => (publisherName.value = event.currentTarget.value as PublisherName)}
        >
          <option value="socket">JSON-RPC over a WebSocket</option>
          <option value="http">HTTP, a request for each</option>
        </select>
        <span class="hint wrap-anywhere">
          into <code>{race.channel.value}</code>
        </span>
      </div>
    </section>
  );
}
