// The product that the Node peers read, in node:sqlite.
import { DatabaseSync } from "node:sqlite";

export const product = {
  id: "prd_0mwqcyxusp1xz1appt4tv",
  name: "Desk lamp",
  category: "home",
  price: 39.9,
  stock: 120,
  createdAt: "2026-11-21T12:02:31.012Z",
};

export function products() {
  const database = new DatabaseSync("peer.sqlite");
  database.exec("PRAGMA journal_mode=WAL");
  database.exec(
    "CREATE TABLE IF NOT EXISTS product (id TEXT PRIMARY KEY, name TEXT, category TEXT, price REAL, stock INTEGER, createdAt TEXT)",
  );
  database.prepare("INSERT OR REPLACE INTO product VALUES (?, ?, ?, ?, ?, ?)").run(...Object.values(product));
  const select = database.prepare("SELECT * FROM product WHERE id = ?");
  return { find: (id) => select.get(id) };
}
