import { useSignal } from "@preact/signals";
import { CodeBlock } from "../parts/code-block.tsx";
import { Notice } from "../parts/notice.tsx";
import { ORIGIN } from "../shell/server.ts";
import { Controls } from "./controls.tsx";
import { LaneTable } from "./lane-table.tsx";
import { LatencyChart } from "./latency-chart.tsx";
import { race } from "./race.ts";
import { Reading } from "./reading.tsx";
import { Totals } from "./totals.tsx";

/** One publish, and a lane for every door that a browser can open. */
export function RaceView() {
  const focused = useSignal<string | undefined>(undefined);
  const hasStarted = race.isRunning.value || race.history.length > 0;
  return (
    <>
      <div class="intro">
        <h1>One log. Every wire.</h1>
        <p class="lead">
          Publish an event once and watch it arrive over twelve protocols, in the same order, from the same
          cursor. Cut any of them: it goes on where it stopped, with nothing lost and nothing twice.
        </p>
      </div>
      <Controls race={race} />
      {race.problem.value !== undefined && <Notice kind="bad">{race.problem.value}</Notice>}
      <Totals race={race} />
      <LaneTable race={race} focused={focused} />
      {hasStarted && (
        <section class="card" aria-label="Latency over time">
          <div class="card-head">
            <h2>Latency over the last minute</h2>
            <span class="small muted">median of each second, on a logarithmic scale</span>
          </div>
          <div class="card-body">
            <LatencyChart race={race} focused={focused.value} />
          </div>
        </section>
      )}
      <div class="columns">
        <section class="card" aria-label="Watch from a terminal">
          <div class="card-head">
            <h2>Watch it from a terminal</h2>
          </div>
          <div class="card-body stack">
            <p class="small muted">
              The channel is open to everybody here. Whoever reads it sees the same events.
            </p>
            <CodeBlock
              text={`curl -N '${ORIGIN}/sse/${race.channel.value}?after=latest'`}
              wraps
              label="curl"
            />
            <CodeBlock
              text={`npx everywire sub ${race.channel.value} --via websocket${ORIGIN === "http://127.0.0.1:8787" ? "" : ` --url ${ORIGIN}`}`}
              wraps
              label="everywire"
            />
          </div>
        </section>
        <Reading race={race} />
      </div>
    </>
  );
}
