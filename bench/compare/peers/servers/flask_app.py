"""REST, a durable publish and JSON-RPC on Flask, and GraphQL on graphene; under gunicorn, or Flask's own server."""
import json
import sys

import graphene
from flask import Flask, jsonify, request

import product_store

app = Flask(__name__)
app.config["JSON_SORT_KEYS"] = False
product_store.create()


@app.get("/products/<product_id>")
def get_product(product_id):
    product = product_store.find(product_id)
    return jsonify(product) if product else (jsonify(error="not found"), 404)


@app.post("/events/<channel>")
def publish(channel):
    event = request.get_json()
    sequence = product_store.append(channel, json.dumps(event))
    return jsonify(sequence=sequence), 201


@app.get("/events/<channel>/count")
def count(channel):
    return jsonify(count=product_store.count(channel))


METHODS = {"products.get": lambda id: product_store.find(id)}


@app.post("/rpc")
def rpc():
    call = request.get_json()
    method = METHODS.get(call.get("method"))
    if method is None:
        error = {"code": -32601, "message": "Method not found"}
        return jsonify(jsonrpc="2.0", error=error, id=call.get("id"))
    return jsonify(jsonrpc="2.0", result=method(**call["params"]), id=call["id"])


class Product(graphene.ObjectType):
    id = graphene.ID(required=True)
    name = graphene.String(required=True)
    category = graphene.String(required=True)
    price = graphene.Float(required=True)
    stock = graphene.Int(required=True)


class Query(graphene.ObjectType):
    product = graphene.Field(Product, id=graphene.ID(required=True))

    def resolve_product(self, info, id):
        product = product_store.find(id)
        return product and Product(**{name: product[name] for name in Product._meta.fields})


schema = graphene.Schema(query=Query)


@app.post("/graphql")
def graphql():
    result = schema.execute(request.get_json()["query"])
    if result.errors:
        return jsonify(errors=[str(error) for error in result.errors]), 400
    return jsonify(data=result.data)


if __name__ == "__main__":
    app.run(port=int(sys.argv[1]), threaded=True)
