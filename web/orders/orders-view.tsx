import { useEffect, useMemo } from "preact/hooks";
import { Notice } from "../parts/notice.tsx";
import { SignedOut } from "../parts/signed-out.tsx";
import { Icon } from "../shell/icons.tsx";
import type { Session } from "../shell/session.ts";
import { hasDevAuth, session } from "../shell/session.ts";
import type { Order } from "./shop.ts";
import { Shop } from "./shop.ts";

const STEPS = ["pending", "processing", "shipped"] as const;

/** A shop in which nothing is asked for twice: orders, stock and the inbox come as they change. */
export function OrdersView() {
  const who = session.value;
  return (
    <>
      <div class="intro">
        <h1>Orders</h1>
        <p class="lead">
          An order is placed by REST. Queued jobs move it on, and each step is an event on its channel, a
          notification in an inbox, and a change of stock that every open page sees.
        </p>
      </div>
      {who === undefined ? (
        <SignedOut what="An order belongs to somebody." />
      ) : (
        <ShopView key={who.token} who={who} />
      )}
    </>
  );
}

function ShopView({ who }: { readonly who: Session }) {
  const shop = useMemo(() => new Shop(who), [who]);
  useEffect(() => () => shop.close(), [shop]);
  return (
    <>
      {shop.problem.value !== undefined && <Notice kind="bad">{shop.problem.value}</Notice>}
      <div class="shop">
        <Products shop={shop} />
        <div class="stack">
          <section class="card" aria-label="Your orders">
            <div class="card-head">
              <h2>Your orders</h2>
            </div>
            {shop.orders.value.length === 0 && (
              <p class="empty">No order yet. Take something from the shelf.</p>
            )}
            {shop.orders.value.map((order) => (
              <OrderCard key={order.id} order={order} />
            ))}
          </section>
          <section class="card" aria-label="Inbox">
            <div class="card-head">
              <h2>Inbox</h2>
              <span class="badge num">{shop.notes.value.length}</span>
            </div>
            <ul class="card-body notes" aria-live="polite">
              {shop.notes.value.length === 0 && <li class="muted">Nothing yet</li>}
              {shop.notes.value.slice(0, 8).map(({ id, title, time }) => (
                <li key={id}>
                  <Icon name="bell" />
                  <span class="wrap-anywhere">{title}</span>
                  <time class="muted num" dateTime={time}>
                    {toClock(time)}
                  </time>
                </li>
              ))}
            </ul>
          </section>
        </div>
      </div>
    </>
  );
}

function Products({ shop }: { readonly shop: Shop }) {
  const products = shop.products.value;
  const count = Array.from(shop.basket.value.values()).reduce((sum, quantity) => sum + quantity, 0);
  return (
    <section class="card" aria-label="Products">
      <div class="card-head">
        <h2>On the shelf</h2>
        <span class="small muted">stock is live</span>
      </div>
      {products === undefined && <p class="empty">Loading…</p>}
      {products?.length === 0 && (
        <div class="empty">
          <p>The shelf is empty.</p>
          {hasDevAuth.value === false ? (
            <p class="small">
              An administrator adds products: <code>npm run seed</code>
            </p>
          ) : (
            <button type="button" class="button" onClick={() => void shop.addExamples()}>
              <Icon name="plus" /> Put some products on it
            </button>
          )}
        </div>
      )}
      <ul class="products">
        {products?.map((product) => {
          const { id, name, price, stock } = product;
          const taken = shop.basket.value.get(id) ?? 0;
          return (
            <li key={id} class="product" data-product={name}>
              <div>
                <div class="product-name wrap-anywhere">{name}</div>
                <div class="small muted num">
                  {price.toFixed(2)} · <span data-stock>{stock}</span> in stock
                </div>
              </div>
              <fieldset class="stepper" aria-label={`Quantity of ${name}`}>
                <button
                  type="button"
                  class="button slim"
                  aria-label={`Less of ${name}`}
                  disabled={taken === 0}
                  onClick={() => shop.take(product, -1)}
                >
                  −
                </button>
                <output>{taken}</output>
                <button
                  type="button"
                  class="button slim"
                  aria-label={`More of ${name}`}
                  disabled={taken >= stock}
                  onClick={() => shop.take(product, 1)}
                >
                  +
                </button>
              </fieldset>
            </li>
          );
        })}
      </ul>
      {products !== undefined && products.length > 0 && (
        <div class="basket">
          <span>
            <strong class="num">{count}</strong> in the basket,{" "}
            <strong class="num">{shop.total.value.toFixed(2)}</strong>
          </span>
          <button
            type="button"
            class="button primary"
            disabled={count === 0 || shop.isOrdering.value}
            onClick={() => void shop.order()}
          >
            Place the order
          </button>
        </div>
      )}
    </section>
  );
}

function OrderCard({ order }: { readonly order: Order }) {
  const { id, items, total, status, reachedAt } = order;
  const reached = (STEPS as readonly string[]).indexOf(status);
  return (
    <article class="order" data-order={id} data-status={status} aria-label={`Order ${id}`}>
      <div class="order-head">
        <strong class="wrap-anywhere">
          {items.map(({ name, quantity }) => `${quantity} × ${name}`).join(", ")}
        </strong>
        <span class="num">{total.toFixed(2)}</span>
      </div>
      <ol class="steps" aria-live="polite">
        {STEPS.map((step, index) => (
          <li
            key={step}
            class={index <= reached ? "is-done" : ""}
            aria-current={step === status ? "step" : undefined}
          >
            {step}
            {reachedAt[step] !== undefined && (
              <time dateTime={reachedAt[step]}>{toClock(reachedAt[step])}</time>
            )}
          </li>
        ))}
      </ol>
    </article>
  );
}

function toClock(time: string): string {
  return new Date(time).toLocaleTimeString([], {
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    hourCycle: "h23",
  });
}
