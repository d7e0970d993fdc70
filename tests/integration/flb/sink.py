# SPDX-License-Identifier: Apache-2.0
"""Takes what Fluent Bit sends over HTTP and plays Elasticsearch (Bulk API) or Splunk (HTTP Event Collector).

usage: sink.py PORT-FILE RECORDS-FILE
Each document goes into RECORDS-FILE as one line of JSON, beside what came around it: "id" and "index" of a
bulk action; host, source, sourcetype and time of an event. A request that is not as the interface wants it
is answered with 400 and noted as {"fault": ...}, so that a test sees it.
"""
import gzip
import http.server
import json
import os
import sys


def bulk(lines):
    """Pairs of an action and a document."""
    if len(lines) % 2:
        raise ValueError("an action without a document")
    for action, document in zip(lines[::2], lines[1::2]):
        (verb, about), = json.loads(action).items()
        if verb != "create":
            raise ValueError("a data stream takes nothing but create: " + verb)
        yield {"id": about.get("_id"), "index": about.get("_index"), "record": json.loads(document)}


def collector(text):
    """Objects one after the other, with or without white space between them."""
    decoder = json.JSONDecoder()
    at = 0
    while at < len(text):
        envelope, at = decoder.raw_decode(text, at)
        unknown = set(envelope) - {"time", "host", "source", "sourcetype", "index", "event", "fields"}
        if unknown or not envelope.get("event"):
            raise ValueError("not an event: " + text[:200])
        record = envelope.pop("event")
        yield {**envelope, "record": record}
        while at < len(text) and text[at].isspace():
            at += 1


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    seen = set()

    def answer(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        try:
            text = body.decode()
            if self.path.split("?")[0].endswith("/_bulk"):
                documents = list(bulk(text.splitlines()))
            elif self.path.startswith("/services/collector"):
                if self.headers.get("Authorization") != "Splunk token-of-the-test":
                    raise ValueError("no token")
                documents = list(collector(text))
            else:
                raise ValueError("nobody asks for " + self.path)
        except (ValueError, UnicodeDecodeError) as fault:
            self.note([{"fault": str(fault)}])
            self.answer(400, {"text": "Invalid data format", "code": 6})
            return
        self.note(documents)
        if self.path.startswith("/services"):
            self.answer(200, {"text": "Success", "code": 0})
            return
        items = []
        for d in documents:
            known = d["id"] in self.seen
            self.seen.add(d["id"])
            items.append({"create": {"_index": d["index"], "_id": d["id"], "status": 409 if known else 201}})
        self.answer(200, {"took": 1, "errors": any(i["create"]["status"] == 409 for i in items), "items": items})

    def note(self, documents):
        with open(sys.argv[2], "a", encoding="utf-8") as out:
            out.writelines(json.dumps(d) + "\n" for d in documents)

    def log_message(self, *args):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
with open(sys.argv[1] + ".new", "w", encoding="ascii") as port_file:
    port_file.write(str(server.server_port))
os.rename(sys.argv[1] + ".new", sys.argv[1])  # it appears at once, and whole
server.serve_forever()
