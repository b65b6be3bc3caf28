/// <reference path="./graphiql-modules.d.ts" />
// By path: the package does not export these files by name, and a resolver that is strict about that refuses them.
import styleText from "../../node_modules/graphiql/graphiql.min.css";
import graphiqlText from "../../node_modules/graphiql/graphiql.min.js";
import reactText from "../../node_modules/react/umd/react.production.min.js";
import reactDomText from "../../node_modules/react-dom/umd/react-dom.production.min.js";

/** Every file of the page comes from here and nowhere else, so that it works with no network. */
export const GRAPHIQL_FILES: ReadonlyMap<string, { readonly text: string; readonly type: string }> = new Map([
  ["react.js", { text: reactText, type: "text/javascript" }],
  ["react-dom.js", { text: reactDomText, type: "text/javascript" }],
  ["graphiql.js", { text: graphiqlText, type: "text/javascript" }],
  ["graphiql.css", { text: styleText, type: "text/css" }],
]);
