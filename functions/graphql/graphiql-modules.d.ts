/** What wrangler.toml makes of these files: their text (`[[rules]]`, type "Text"). */
declare module "graphiql/graphiql.min.css" {
  const text: string;
  export default text;
}
declare module "graphiql/graphiql.min.js" {
  const text: string;
  export default text;
}
declare module "react/umd/react.production.min.js" {
  const text: string;
  export default text;
}
declare module "react-dom/umd/react-dom.production.min.js" {
  const text: string;
  export default text;
}
