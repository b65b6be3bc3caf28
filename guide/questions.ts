import type { Question } from "./question.ts";
import { CLIENTS } from "./questions/client-options.ts";
import { CONTRACTS, LOSSES, NETWORKS } from "./questions/condition-options.ts";
import { DIRECTIONS } from "./questions/direction-options.ts";
import { USES } from "./uses.ts";

/** A few questions, in the order in which to ask them. Each may be left unanswered. */
export const QUESTIONS: readonly Question[] = [
  {
    id: "use",
    text: "What do you build?",
    options: USES.map(({ id, name, summary }) => ({ id, label: `${name}: ${summary}`, weights: {} })),
  },
  { id: "client", text: "Who is at the other end?", options: CLIENTS },
  { id: "direction", text: "Who speaks?", options: DIRECTIONS },
  { id: "loss", text: "What about a message that gets lost?", options: LOSSES },
  { id: "network", text: "What is between the two ends?", options: NETWORKS },
  { id: "contract", text: "How do both ends agree on what is sent?", options: CONTRACTS },
];
