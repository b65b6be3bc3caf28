"""The product that the Python peers read, in SQLite; and their log of events."""
import sqlite3
import threading

local = threading.local()
COLUMNS = ("id", "name", "category", "price", "stock", "createdAt")
PRODUCT = ("prd_0mwqcyxusp1xz1appt4tv", "Desk lamp", "home", 39.9, 120, "2026-11-21T12:02:31.012Z")


def database():
    """One connection a thread, as sqlite3 wants it."""
    if not hasattr(local, "database"):
        local.database = sqlite3.connect("peer.sqlite", timeout=30, isolation_level=None)
        local.database.execute("PRAGMA journal_mode=WAL")
        local.database.execute("PRAGMA synchronous=FULL")
    return local.database


def create():
    database().execute(
        "CREATE TABLE IF NOT EXISTS product"
        " (id TEXT PRIMARY KEY, name TEXT, category TEXT, price REAL, stock INTEGER, createdAt TEXT)"
    )
    database().execute(
        "CREATE TABLE IF NOT EXISTS event (seq INTEGER PRIMARY KEY, channel TEXT, body TEXT)"
    )
    database().execute("INSERT OR REPLACE INTO product VALUES (?, ?, ?, ?, ?, ?)", PRODUCT)


def find(product_id):
    row = database().execute("SELECT * FROM product WHERE id = ?", (product_id,)).fetchone()
    return None if row is None else dict(zip(COLUMNS, row))


def append(channel, body):
    """Autocommit: on disk when it returns."""
    cursor = database().execute("INSERT INTO event (channel, body) VALUES (?, ?)", (channel, body))
    return cursor.lastrowid


def count(channel):
    return database().execute("SELECT count(*) FROM event WHERE channel = ?", (channel,)).fetchone()[0]
