import { SignedOut } from "../parts/signed-out.tsx";
import { session } from "../shell/session.ts";
import { PushCard } from "./push-card.tsx";
import { WebhooksCard } from "./webhooks-card.tsx";
import { WorkCard } from "./work-card.tsx";

/** What goes on after the answer: webhooks with their attempts, queued messages, and what was given up. */
export function DeliveryView() {
  const who = session.value;
  return (
    <>
      <div class="intro">
        <h1>Delivery</h1>
        <p class="lead">
          What is to arrive somewhere else is tried until it does, or becomes a dead letter that can be looked
          at and sent again.
        </p>
      </div>
      <div class="two">
        <PushCard key={`push ${who?.token}`} />
        <WorkCard key={`work ${who?.token}`} />
      </div>
      {who === undefined ? (
        <SignedOut what="A webhook endpoint belongs to somebody, and is sent what its owner may read." />
      ) : (
        <WebhooksCard key={who.token} />
      )}
    </>
  );
}
