import type { Flow, FlowStep } from "../../guide/protocol.ts";

const WIDTH = 880;
const MARGIN = 90;
const HEAD = 44;
const ROW = 46;
const BOX = { width: 132, height: 32 };
const HEAD_LENGTH = 8;
/** About as many characters as fit in a unit of width. */
const CHARACTERS_PER_UNIT = 1 / 6.4;

/** A data flow as a sequence diagram: who takes part across, time downwards. Drawn from the data alone. */
export function FlowDiagram({ flow, title }: { readonly flow: Flow; readonly title: string }) {
  const { participants, steps } = flow;
  const height = HEAD + steps.length * ROW + 24;
  const gap = participants.length > 1 ? (WIDTH - 2 * MARGIN) / (participants.length - 1) : 0;
  const xOf = (id: string) =>
    MARGIN +
    gap *
      Math.max(
        0,
        participants.findIndex((participant) => participant.id === id),
      );
  return (
    <svg class="flow" viewBox={`0 0 ${WIDTH} ${height}`} role="img" aria-label={describe(title, flow)}>
      {participants.map(({ id, name, kind }) => (
        <g key={id} class={`flow-participant ${kind}`}>
          <line x1={xOf(id)} x2={xOf(id)} y1={BOX.height} y2={height - 6} />
          <rect x={xOf(id) - BOX.width / 2} y={1} width={BOX.width} height={BOX.height} rx={6} />
          <text x={xOf(id)} y={21} text-anchor="middle">
            {name}
          </text>
        </g>
      ))}
      {steps.map((step, index) => {
        const y = HEAD + index * ROW + 30;
        return <Arrow key={y} step={step} fromX={xOf(step.from)} toX={xOf(step.to)} y={y} />;
      })}
    </svg>
  );
}

interface ArrowProps {
  readonly step: FlowStep;
  readonly fromX: number;
  readonly toX: number;
  readonly y: number;
}

function Arrow({ step: { kind, label }, fromX, toX, y }: ArrowProps) {
  const direction = Math.sign(toX - fromX) || 1;
  const length = Math.abs(toX - fromX);
  // A step within one participant is a short note beside its line.
  const isOwn = length === 0;
  const endX = isOwn ? fromX + 60 : toX;
  const middle = (fromX + endX) / 2;
  const tip = endX - direction * 2;
  const lines = wrap(label, Math.max(150, length - 16) * CHARACTERS_PER_UNIT);
  return (
    <g class={`flow-step ${kind}`}>
      <line x1={fromX} x2={tip - direction * HEAD_LENGTH} y1={y} y2={y} />
      {kind === "cut" ? (
        <path class="flow-cross" d={`M${middle - 6} ${y - 6}l12 12m0 -12l-12 12`} />
      ) : (
        <path class="flow-tip" d={`M${tip} ${y}l${-direction * HEAD_LENGTH} -4.5v9z`} />
      )}
      {lines.map((line, index) => (
        <text
          key={line}
          x={isOwn ? fromX + 6 : middle}
          y={y - 7 - (lines.length - 1 - index) * 14}
          text-anchor={isOwn ? "start" : "middle"}
        >
          {line}
        </text>
      ))}
    </g>
  );
}

/** At most two lines; what does not fit ends in dots, and is whole in the description. */
function wrap(label: string, width: number): readonly string[] {
  if (label.length <= width) return [label];
  const end = label.lastIndexOf(" ", width);
  // What has no space to break at is broken where it is full.
  const first = end <= 0 ? label.slice(0, width) : label.slice(0, end);
  const rest = label.slice(first.length).trimStart();
  return [first, rest.length > width ? `${rest.slice(0, width - 1)}…` : rest];
}

function describe(title: string, { participants, steps }: Flow): string {
  const nameOf = (id: string) => participants.find((participant) => participant.id === id)?.name ?? id;
  const told = steps.map(({ from, to, label }) => `${nameOf(from)} to ${nameOf(to)}: ${label}`);
  return `${title}. ${told.join(". ")}.`;
}
