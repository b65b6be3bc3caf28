import type { CloudEvent } from "../typescript/event.ts";
import type { Output } from "./output.ts";
import { printable } from "./output.ts";

const MAX_DATA_CHARACTERS = 400;

/** One event on one line, for a person: when, where, what. */
export function renderEvent(event: CloudEvent, output: Output, withChannel = false): string {
  const time = new Date(event.time ?? Number.NaN);
  const clock = Number.isNaN(time.getTime()) ? "--:--:--.---" : toClock(time);
  const channel = withChannel ? `${output.style("cyan", printable(String(event.subject)))}  ` : "";
  const type =
    event.type === "everywire.gap"
      ? output.style("yellow", event.type)
      : output.style("bold", printable(event.type));
  return `${output.style("dim", clock)}  ${channel}${type}  ${renderData(event)}`.trimEnd();
}

function renderData(event: CloudEvent): string {
  const bytes = event.data_base64;
  if (bytes !== undefined) return `${Math.floor((bytes.length * 3) / 4)} bytes: ${bytes.slice(0, 60)}`;
  if (event.data === undefined) return "";
  const text = typeof event.data === "string" ? event.data : JSON.stringify(event.data);
  const short = text.length > MAX_DATA_CHARACTERS ? `${text.slice(0, MAX_DATA_CHARACTERS)}...` : text;
  return printable(short);
}

function toClock(time: Date): string {
  const two = (value: number) => String(value).padStart(2, "0");
  const ms = String(time.getMilliseconds()).padStart(3, "0");
  return `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}.${ms}`;
}
