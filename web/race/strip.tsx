import { useSignalEffect } from "@preact/signals";
import { useRef } from "preact/hooks";
import { theme } from "../shell/theme.ts";
import type { Lane } from "./lane.ts";
import type { Race } from "./race.ts";

/** The axis that all strips share, in milliseconds; logarithmic, since lanes differ by orders of magnitude. */
const AXIS_MIN_MS = 0.5;
const AXIS_MAX_MS = 2000;
export const AXIS_TICKS_MS = [1, 10, 100, 1000] as const;
const SHOWN = 240;

/** Where a latency stands on the axis, from 0 to 1. */
export function toAxis(latencyMs: number): number {
  const clamped = Math.min(AXIS_MAX_MS, Math.max(AXIS_MIN_MS, latencyMs));
  return Math.log(clamped / AXIS_MIN_MS) / Math.log(AXIS_MAX_MS / AXIS_MIN_MS);
}

/** Each of a lane's last events as a mark at its latency, the newest the strongest; the median is a line across. */
export function Strip({ race, lane }: { readonly race: Race; readonly lane: Lane }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useSignalEffect(() => {
    void race.tick.value;
    void theme.value;
    if (canvas.current !== null) draw(canvas.current, lane);
  });
  return <canvas class="strip" ref={canvas} />;
}

function draw(canvas: HTMLCanvasElement, lane: Lane): void {
  const { clientWidth: width, clientHeight: height } = canvas;
  const context = canvas.getContext("2d");
  if (context === null || width === 0) return;
  const scale = devicePixelRatio;
  if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
  }
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, height);
  const style = getComputedStyle(canvas);
  context.fillStyle = style.getPropertyValue("--line");
  for (const tick of AXIS_TICKS_MS) context.fillRect(Math.round(toAxis(tick) * width), 0, 1, height);
  const color = style.getPropertyValue(`--lane-${lane.wire.name}`);
  const shown = lane.latencies.list().slice(-SHOWN);
  context.fillStyle = color;
  for (const [index, latencyMs] of shown.entries()) {
    const age = shown.length - 1 - index;
    context.globalAlpha = age === 0 ? 1 : 0.32 * (1 - age / SHOWN) + 0.06;
    const x = toAxis(latencyMs) * (width - 4) + 1;
    if (age === 0) context.fillRect(x - 1, 2, 4, height - 4);
    else context.fillRect(x, 5, 2, height - 10);
  }
  context.globalAlpha = 1;
  const quantiles = lane.latencies.quantiles();
  if (quantiles === undefined) return;
  const from = toAxis(quantiles.p50) * (width - 4) + 1;
  const to = toAxis(quantiles.p99) * (width - 4) + 1;
  // From the median to the 99th percentile: the part that users notice.
  context.fillRect(from, height / 2 - 1, Math.max(2, to - from), 2);
  context.fillStyle = style.getPropertyValue("--ink");
  context.fillRect(from, 4, 2, height - 8);
}
