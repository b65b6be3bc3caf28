"""A sender of Standard Webhooks in nothing but Python's standard library, written from the specification.

Reads a JSON line {"url", "secret", "id", "timestamp", "body"} and prints the status and the body of the answer.
"""

import base64
import hashlib
import hmac
import json
import sys
import urllib.error
import urllib.request

asked = json.loads(sys.stdin.readline())
body = asked["body"].encode()
key = base64.b64decode(asked["secret"].removeprefix("whsec_"))
signed = f'{asked["id"]}.{asked["timestamp"]}.'.encode() + body
signature = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
request = urllib.request.Request(
    asked["url"],
    data=body,
    headers={
        "content-type": "application/json",
        "webhook-id": asked["id"],
        "webhook-timestamp": str(asked["timestamp"]),
        "webhook-signature": f"v1,{signature}",
    },
)
try:
    with urllib.request.urlopen(request, timeout=10) as answer:
        print(answer.status, answer.read().decode())
except urllib.error.HTTPError as error:
    print(error.code, error.read().decode())
