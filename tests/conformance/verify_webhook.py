"""Checks the signatures of webhooks with nothing but Python's standard library (Standard Webhooks 1.0).

Reads JSON lines {"secret", "id", "timestamp", "signature", "body"} and prints "good" or "bad" for each.
"""

import base64
import hashlib
import hmac
import json
import sys

for line in sys.stdin:
    webhook = json.loads(line)
    key = base64.b64decode(webhook["secret"].removeprefix("whsec_"))
    signed = f"{webhook['id']}.{webhook['timestamp']}.{webhook['body']}".encode()
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    given = [part.split(",", 1) for part in webhook["signature"].split(" ")]
    good = any(v == "v1" and hmac.compare_digest(text, expected) for v, text in given)
    print("good" if good else "bad")
