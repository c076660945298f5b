"""One running hubwire process for the whole run, and the official clients set up for it."""

import os
import re
import subprocess
import threading
import time
from itertools import count
from pathlib import Path

import pytest
import websocket
from azure.messaging.webpubsubclient import WebPubSubClient
from azure.messaging.webpubsubclient.models import CallbackType
from azure.messaging.webpubsubservice import WebPubSubServiceClient

from tcp_proxy import TcpProxy

DEFAULT_BINARY = Path(__file__).resolve().parents[3] / "target" / "release" / "hubwire"
CONNECTION_STRING = re.compile(r"Endpoint=(http://127\.0\.0\.1:(\d+));AccessKey=([^;]+);Version=1\.0;")
DEADLINE_S = 20.0
ALL_ROLES = ["webpubsub.sendToGroup", "webpubsub.joinLeaveGroup"]


def until(question, what):
    """Asks until the answer is truthy; a passing test never waits as long as the deadline."""
    end = time.monotonic() + DEADLINE_S
    while True:
        answer = question()
        if answer:
            return answer
        assert time.monotonic() < end, f"gave up waiting for {what}"
        time.sleep(0.02)


class Server:
    """The process and the facts of its banner."""

    def __init__(self):
        binary = Path(os.environ.get("HUBWIRE_BIN", DEFAULT_BINARY))
        assert binary.exists(), f"No binary at {binary}: build it (cargo build --release) or set HUBWIRE_BIN."
        self.process = subprocess.Popen(
            [str(binary), "serve", "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self._banner = threading.Event()
        # The pipe is read for as long as the process lives, so that it never fills up.
        threading.Thread(target=self._read, daemon=True).start()
        if not self._banner.wait(DEADLINE_S):
            self.process.kill()
            raise AssertionError("the server printed no connection string")

    def _read(self):
        for line in self.process.stdout:
            match = CONNECTION_STRING.search(line)
            if match and not self._banner.is_set():
                self.connection_string = match.group(0)
                self.endpoint, self.port, self.access_key = match.group(1), int(match.group(2)), match.group(3)
                self._banner.set()

    def connection_string_at(self, port):
        return f"Endpoint=http://127.0.0.1:{port};AccessKey={self.access_key};Version=1.0;"

    def stop(self):
        self.process.terminate()
        assert self.process.wait(timeout=DEADLINE_S) == 0


@pytest.fixture(scope="session")
def server():
    running = Server()
    yield running
    running.stop()


_hubs = count(1)


@pytest.fixture
def hub():
    """A hub name that no other test uses."""
    return f"py_{next(_hubs)}"


@pytest.fixture
def service(server, hub):
    with WebPubSubServiceClient.from_connection_string(server.connection_string, hub) as client:
        yield client


class Receiver:
    """A plain JSON client that is nothing but a socket."""

    def __init__(self, service, protocol="json.webpubsub.azure.v1", **token):
        import json

        self._json = json
        token.setdefault("roles", ALL_ROLES)
        url = service.get_client_access_token(**token)["url"]
        self.socket = websocket.create_connection(url, subprotocols=[protocol], timeout=DEADLINE_S)
        self.connected = self.next()
        self.connection_id = self.connected["connectionId"]

    def next(self):
        return self._json.loads(self.socket.recv())

    def send(self, **message):
        self.socket.send(self._json.dumps(message))

    def next_nothing_but(self, service, marker="marker"):
        """Proves that nothing was sent to it before a marker that follows."""
        service.send_to_connection(self.connection_id, marker, content_type="text/plain")
        assert self.next()["data"] == marker

    def close_frame(self):
        """The close code and reason, after reading whatever comes before them."""
        while True:
            opcode, data = self.socket.recv_data()
            if opcode == websocket.ABNF.OPCODE_CLOSE:
                return int.from_bytes(data[:2], "big"), data[2:].decode()

    def close(self):
        self.socket.close()


@pytest.fixture
def connect(service):
    """Opens receivers that are closed when the test ends."""
    opened = []

    def open_one(**token):
        receiver = Receiver(service, **token)
        opened.append(receiver)
        return receiver

    yield open_one
    for receiver in opened:
        receiver.close()


class Realtime:
    """The official realtime client with everything recorded that it reports."""

    def __init__(self, url_of, **options):
        self.group_messages, self.server_messages = [], []
        self.connections, self.disconnections, self.rejoin_failures, self.stops = [], [], [], []
        from azure.messaging.webpubsubclient import WebPubSubClientCredential

        options.setdefault("message_retry_total", 0)
        # The SDK misses an ack that comes before it begins to wait, which a local server manages now and then, and then
        # sits out the whole timeout before it looks at the ack. A short timeout keeps that cheap and changes no result.
        options.setdefault("ack_timeout", 5)
        options.setdefault("reconnect_retry_backoff_factor", 0.05)
        self.client = WebPubSubClient(credential=WebPubSubClientCredential(url_of), **options)
        self.client.subscribe(CallbackType.CONNECTED, self.connections.append)
        self.client.subscribe(CallbackType.DISCONNECTED, self.disconnections.append)
        self.client.subscribe(CallbackType.GROUP_MESSAGE, self.group_messages.append)
        self.client.subscribe(CallbackType.SERVER_MESSAGE, self.server_messages.append)
        self.client.subscribe(CallbackType.REJOIN_GROUP_FAILED, self.rejoin_failures.append)
        self.client.subscribe(CallbackType.STOPPED, lambda: self.stops.append(True))

    def open(self):
        self.client.open()
        until(lambda: self.connections, "the connected event")
        return self

    @property
    def connection_id(self):
        return self.connections[-1].connection_id


@pytest.fixture
def realtime(server, hub):
    """Opens realtime clients, through a proxy if one is given, and closes them when the test ends."""
    opened = []

    def open_one(proxy=None, roles=ALL_ROLES, user_id=None, groups=None, **options):
        string = server.connection_string_at(proxy.port) if proxy else server.connection_string
        tokens = WebPubSubServiceClient.from_connection_string(string, hub)

        def url_of():
            wanted = {"roles": roles, "user_id": user_id, "groups": groups}
            return tokens.get_client_access_token(**{name: value for name, value in wanted.items() if value is not None})["url"]

        one = Realtime(url_of, **options)
        opened.append(one)
        return one.open()

    yield open_one
    for one in opened:
        one.client.close()


@pytest.fixture
def proxy(server):
    running = TcpProxy(server.port)
    yield running
    running.stop()
