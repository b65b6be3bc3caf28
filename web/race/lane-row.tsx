import type { Signal } from "@preact/signals";
import { Icon } from "../shell/icons.tsx";
import { formatBytes, formatCount, formatMs } from "./format.ts";
import type { Lane, LaneState } from "./lane.ts";
import type { Race } from "./race.ts";
import { Strip } from "./strip.tsx";

interface LaneRowProps {
  readonly race: Race;
  readonly lane: Lane;
  readonly focused: Signal<string | undefined>;
}

const STATES: Readonly<Record<LaneState, { readonly text: string; readonly kind: string }>> = {
  idle: { text: "ready", kind: "" },
  connecting: { text: "connecting", kind: "" },
  live: { text: "live", kind: "good" },
  "catching-up": { text: "catching up", kind: "warn" },
  cut: { text: "cut", kind: "bad" },
  retrying: { text: "lost, trying again", kind: "bad" },
  unavailable: { text: "not here", kind: "" },
};

export function LaneRow({ race, lane, focused }: LaneRowProps) {
  void race.tick.value;
  const { wire, ledger, latencies } = lane;
  const quantiles = latencies.quantiles();
  const distinct = ledger?.distinct ?? 0;
  const isOn = lane.isChosen.value;
  const figures = [
    { name: "last", value: latencies.last === undefined ? "–" : formatMs(latencies.last) },
    { name: "p50", value: quantiles === undefined ? "–" : formatMs(quantiles.p50) },
    { name: "p99", value: quantiles === undefined ? "–" : formatMs(quantiles.p99) },
    {
      name: "B / event",
      value: distinct === 0 ? "–" : formatBytes(lane.bytes / distinct),
      title: wire.counted,
    },
    { name: "received", value: ledger === undefined ? "–" : formatCount(distinct) },
  ];
  const focus = (name: string | undefined) => () => {
    focused.value = name;
  };
  return (
    <tr
      data-lane={wire.name}
      data-state={lane.state.value}
      class={`lane ${isOn ? "" : "is-off"}`}
      onPointerEnter={focus(wire.name)}
      onPointerLeave={focus(undefined)}
      onFocusIn={focus(wire.name)}
      onFocusOut={focus(undefined)}
    >
      <th scope="row" class="lane-name">
        <label class="lane-title">
          <input
            type="checkbox"
            checked={isOn}
            disabled={race.isRunning.value}
            onChange={(event) => (lane.isChosen.value = event.currentTarget.checked)}
          />
          <span class={`swatch lane-${wire.name}`} aria-hidden="true" />
          <span>{wire.title}</span>
        </label>
        <span class="lane-path">{wire.path}</span>
      </th>
      <td class="lane-track">
        <Strip race={race} lane={lane} />
        <LaneRemark lane={lane} />
      </td>
      {figures.map(({ name, value, title }) => (
        <td key={name} class="lane-figure num" data-label={name} title={title}>
          {value}
        </td>
      ))}
      <td class="lane-action">
        <LaneButton race={race} lane={lane} />
      </td>
    </tr>
  );
}

/** How the connection is, and how its last cut ended. */
function LaneRemark({ lane }: { readonly lane: Lane }) {
  const { state, problem, catchUp, ledger, isChosen } = lane;
  const { text, kind } = isChosen.value ? STATES[state.value] : { text: "left out", kind: "" };
  const behind = ledger?.behind ?? 0;
  const { events, tookMs } = catchUp.value ?? {};
  const isAway = state.value === "cut" || state.value === "catching-up" || state.value === "retrying";
  return (
    <span class="lane-remark">
      <span class={`badge ${kind}`} aria-live="polite">
        {text}
      </span>
      {isAway && <span class="num">{formatCount(behind)} behind</span>}
      {!isAway && problem.value === undefined && events !== undefined && tookMs !== undefined && (
        <span class="num">
          caught up {formatCount(events)} in {formatMs(tookMs)}: {ledger?.lost ?? 0} lost,{" "}
          {ledger?.repeated ?? 0} twice
        </span>
      )}
      {problem.value !== undefined && <span>{problem.value}</span>}
    </span>
  );
}

function LaneButton({ race, lane }: { readonly race: Race; readonly lane: Lane }) {
  const { state, wire } = lane;
  const isIdle = !race.isRunning.value || state.value === "idle" || state.value === "unavailable";
  const isCut = state.value === "cut";
  return (
    <button
      type="button"
      class="button slim"
      disabled={isIdle}
      aria-label={`${isCut ? "Reconnect" : "Cut"} ${wire.title}`}
      onClick={() => (isCut ? lane.reconnect() : lane.cut())}
    >
      <Icon name={isCut ? "link" : "cut"} />
      {isCut ? "Reconnect" : "Cut"}
    </button>
  );
}
