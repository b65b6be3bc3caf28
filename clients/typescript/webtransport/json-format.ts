import { LineCutter } from "../line-cutter.ts";
import type { Line, MessageFormat } from "./format.ts";

const TO_UTF8 = new TextEncoder();

/** JSON lines: what every session speaks where nothing else was agreed on. */
export const jsonFormat: MessageFormat = {
  subprotocol: "everywire.json",
  encode: (line) => TO_UTF8.encode(`${JSON.stringify(line)}\n`),
  encodeDatagram: (line) => TO_UTF8.encode(JSON.stringify(line)),
  createCutter() {
    const cutter = new LineCutter();
    return {
      push: (chunk) =>
        cutter
          .push(chunk)
          .filter((text) => text !== "")
          .map((text) => JSON.parse(text) as Line),
    };
  },
};
