// One file for the bundler: these views share most of what they need, and each by itself would be many small requests.
export { ChatView } from "./chat/chat-view.tsx";
export { DeliveryView } from "./delivery/delivery-view.tsx";
export { ExplorerView } from "./explorer/explorer-view.tsx";
export { OrdersView } from "./orders/orders-view.tsx";
