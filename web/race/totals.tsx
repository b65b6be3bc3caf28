import { formatCount } from "./format.ts";
import type { Race } from "./race.ts";

/** What all lanes come to: the proof, in four numbers. */
export function Totals({ race }: { readonly race: Race }) {
  void race.tick.value;
  const ledgers = race.lanes.flatMap(({ ledger }) => (ledger === undefined ? [] : [ledger]));
  const sum = (of: (ledger: (typeof ledgers)[number]) => number) =>
    ledgers.reduce((total, ledger) => total + of(ledger), 0);
  const lost = sum(({ lost: own }) => own);
  const repeated = sum(({ repeated: own }) => own);
  const disordered = sum(({ outOfOrder }) => outOfOrder);
  const figures = [
    { name: "Published", value: race.publications.acked, note: "acknowledged: durable" },
    { name: "Delivered", value: sum(({ distinct }) => distinct), note: "over all lanes" },
    { name: "Lost", value: lost, note: "behind a lane's cursor", isBad: lost > 0 },
    { name: "Twice", value: repeated, note: "on one lane", isBad: repeated > 0 },
    { name: "Out of order", value: disordered, note: "against the log", isBad: disordered > 0 },
  ];
  return (
    <dl class="totals">
      {figures.map(({ name, value, note, isBad = false }) => (
        <div key={name} class="total">
          <dt>{name}</dt>
          <dd class={isBad ? "total-value bad" : "total-value"} data-total={name}>
            {formatCount(value)}
          </dd>
          <dd class="total-note">{note}</dd>
        </div>
      ))}
    </dl>
  );
}
