/** What wrangler.toml makes of these files: their text (`[[rules]]`, type "Text"). */
declare module "*graphiql.min.css" {
  const text: string;
  export default text;
}
declare module "*graphiql.min.js" {
  const text: string;
  export default text;
}
declare module "*.production.min.js" {
  const text: string;
  export default text;
}
