import type { Signal } from "@preact/signals";
import { hasDoor } from "../shell/server.ts";
import { formatTick } from "./format.ts";
import { LaneRow } from "./lane-row.tsx";
import type { Race } from "./race.ts";
import { AXIS_TICKS_MS, toAxis } from "./strip.tsx";

interface LaneTableProps {
  readonly race: Race;
  /** The lane that is pointed at, which the chart brings out. */
  readonly focused: Signal<string | undefined>;
}

export function LaneTable({ race, focused }: LaneTableProps) {
  return (
    <section class="card" aria-label="Lanes">
      <table class="lanes">
        <caption class="visually-hidden">
          Each wire with the state of its connection, the time from publish to arrival, and what it has
          received
        </caption>
        <thead>
          <tr>
            <th scope="col" class="lane-name">
              Wire
            </th>
            <th scope="col" class="lane-track">
              <span class="visually-hidden">Latencies</span>
              <span class="axis" aria-hidden="true">
                {AXIS_TICKS_MS.map((tick) => (
                  <AxisTick key={tick} tickMs={tick} />
                ))}
              </span>
            </th>
            <th scope="col" class="lane-figure">
              last
            </th>
            <th scope="col" class="lane-figure">
              p50
            </th>
            <th scope="col" class="lane-figure">
              p99
            </th>
            <th scope="col" class="lane-figure">
              B / event
            </th>
            <th scope="col" class="lane-figure">
              received
            </th>
            <th scope="col" class="lane-action">
              <span class="visually-hidden">Connection</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {race.lanes
            .filter(({ wire }) => hasDoor(wire.name))
            .map((lane) => (
              <LaneRow key={lane.wire.name} race={race} lane={lane} focused={focused} />
            ))}
        </tbody>
      </table>
    </section>
  );
}

/** A name on the axis; drawn in a drawing of its own, since the policy lets in no inline style. */
function AxisTick({ tickMs }: { readonly tickMs: number }) {
  const place = (element: HTMLSpanElement | null) =>
    element?.style.setProperty("left", `${toAxis(tickMs) * 100}%`);
  return <span ref={place}>{formatTick(tickMs)}</span>;
}
