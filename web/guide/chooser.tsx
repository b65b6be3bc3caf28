import type { Signal } from "@preact/signals";
import { useSignal } from "@preact/signals";
import type { Answers, Choice } from "../../guide/choose.ts";
import { choose } from "../../guide/choose.ts";
import { QUESTIONS } from "../../guide/questions.ts";
import { CopyButton } from "../parts/code-block.tsx";
import { Words } from "../parts/words.tsx";

const SHOWN_REASONS = 5;

/** A few questions that lead to a choice. */
export function Chooser() {
  const answers = useSignal<Answers>({ use: "chat", client: "browser" });
  return (
    <div class="chooser">
      <section class="card" aria-label="Questions">
        <div class="card-head">
          <h2>What is it for?</h2>
          <button type="button" class="button slim quiet" onClick={() => (answers.value = {})}>
            Clear
          </button>
        </div>
        <div class="card-body stack">
          {QUESTIONS.map(({ id, text, options }) => (
            <label key={id} class="field">
              <span class="label">{text}</span>
              <select
                class="input"
                name={id}
                value={answers.value[id] ?? ""}
                onChange={(event) => {
                  const { [id]: _, ...others } = answers.value;
                  const { value } = event.currentTarget;
                  answers.value = value === "" ? others : { ...others, [id]: value };
                }}
              >
                <option value="">Does not matter</option>
                {options.map((option) => (
                  <option key={option.id} value={option.id}>
                    {option.label}
                  </option>
                ))}
              </select>
            </label>
          ))}
        </div>
      </section>
      <Result answers={answers} />
    </div>
  );
}

function Result({ answers }: { readonly answers: Signal<Answers> }) {
  const chosen = choose(answers.value);
  const { choice, runnerUp, insteadWhen, ruledOut } = chosen;
  const flags = Object.entries(answers.value).map(([name, value]) => ` --${name} ${value}`);
  return (
    <section class="card" aria-label="Choice" aria-live="polite">
      <div class="card-head">
        <h2>
          Take <a href={`#/guide/${choice.protocol}`}>{choice.name}</a>
        </h2>
        <span class="badge accent num">{choice.score} points</span>
      </div>
      <div class="card-body stack">
        <ul class="reasons">
          {choice.reasons.slice(0, SHOWN_REASONS).map((reason) => (
            <li key={reason} class="for">
              <Words text={reason} />
            </li>
          ))}
          {choice.cautions.map((caution) => (
            <li key={caution} class="against">
              <Words text={caution} />
            </li>
          ))}
        </ul>
        <div>
          <h3>
            Or <a href={`#/guide/${runnerUp.protocol}`}>{runnerUp.name}</a>{" "}
            <span class="muted num small">{runnerUp.score} points</span>
          </h3>
          <p class="small muted">Take it when {insteadWhen.join(" ").replace(/[;.]$/, "")}.</p>
        </div>
        <Ranking chosen={chosen} />
        {ruledOut.length > 0 && (
          <details class="small">
            <summary>{ruledOut.length} ruled out</summary>
            <ul class="plain">
              {ruledOut.map(({ protocol, name, reason }) => (
                <li key={protocol}>
                  <strong>{name}</strong> <span class="muted">{reason}</span>
                </li>
              ))}
            </ul>
          </details>
        )}
        <p class="row small">
          <code class="wrap-anywhere">npx everywire choose{flags.join("")}</code>
          <CopyButton text={`npx everywire choose${flags.join("")}`} />
        </p>
      </div>
    </section>
  );
}

/** The others, as bars of their points. */
function Ranking({ chosen }: { readonly chosen: Choice }) {
  const most = chosen.choice.score;
  return (
    <ol class="ranking" aria-label="Ranking">
      {chosen.ranking.slice(0, 8).map(({ protocol, name, score }) => (
        <li key={protocol}>
          <a href={`#/guide/${protocol}`}>{name}</a>
          <meter
            min={0}
            max={Math.max(1, most)}
            value={Math.max(0, score)}
            aria-label={`${name}: ${score} points`}
          />
          <span class="num muted">{score}</span>
        </li>
      ))}
    </ol>
  );
}
