"""The official Python realtime client in both of its protocols."""

import asyncio

import pytest
from azure.messaging.webpubsubclient.aio import WebPubSubClient as AsyncClient
from azure.messaging.webpubsubclient.models import CallbackType, OpenClientError, SendMessageError, WebPubSubDataType, WebPubSubProtocolType

from conftest import ALL_ROLES, until

PROTOCOLS = [WebPubSubProtocolType.JSON, WebPubSubProtocolType.JSON_RELIABLE]


@pytest.fixture(params=PROTOCOLS, ids=["json", "reliable"])
def protocol(request):
    return request.param


def test_groups_carry_text_json_and_binary(realtime, protocol):
    one, two = realtime(protocol_type=protocol, user_id="one"), realtime(protocol_type=protocol)
    one.client.join_group("g")
    two.client.join_group("g")
    one.client.send_to_group("g", "täxt", WebPubSubDataType.TEXT)
    one.client.send_to_group("g", {"a": [1, None]}, WebPubSubDataType.JSON)
    one.client.send_to_group("g", memoryview(b"\x00\xff"), WebPubSubDataType.BINARY)
    for client in (one, two):
        until(lambda: len(client.group_messages) == 3, "three messages")
        # Callbacks run on threads of their own, so their order is the SDK's business: the type tells them apart.
        by_type = {message.data_type: message for message in client.group_messages}
        assert by_type["text"].data == "täxt"
        assert by_type["json"].data == {"a": [1, None]}
        assert bytes(by_type["binary"].data) == b"\x00\xff"
        assert {(message.group, message.from_user_id) for message in client.group_messages} == {("g", "one")}


def test_no_echo_and_no_ack(realtime, protocol):
    one, two = realtime(protocol_type=protocol), realtime(protocol_type=protocol)
    one.client.join_group("g")
    two.client.join_group("g")
    one.client.send_to_group("g", "quiet", WebPubSubDataType.TEXT, no_echo=True, ack=False)
    one.client.send_to_group("g", "loud", WebPubSubDataType.TEXT)
    until(lambda: len(two.group_messages) == 2, "both messages")
    until(lambda: one.group_messages, "the loud message")
    assert [message.data for message in one.group_messages] == ["loud"]


def test_server_messages(realtime, service, protocol):
    client = realtime(protocol_type=protocol, user_id="u")
    service.send_to_all({"n": 1})
    until(lambda: client.server_messages, "a server message")
    assert client.server_messages[0].data == {"n": 1}
    service.send_to_user("u", "two", content_type="text/plain")
    until(lambda: len(client.server_messages) == 2, "a second message")
    assert client.server_messages[1].data == "two"


def test_an_event_without_a_handler_fails(realtime, protocol):
    client = realtime(protocol_type=protocol)
    with pytest.raises(SendMessageError) as failed:
        client.client.send_event("order", {"n": 1}, WebPubSubDataType.JSON)
    assert failed.value.error_detail.name == "InternalServerError"


def test_a_missing_role_is_forbidden(realtime, protocol):
    client = realtime(protocol_type=protocol, roles=["webpubsub.joinLeaveGroup.g"])
    client.client.join_group("g")
    with pytest.raises(SendMessageError) as failed:
        client.client.join_group("h")
    assert failed.value.error_detail.name == "Forbidden"


def test_an_ack_id_takes_effect_once(realtime, protocol):
    client = realtime(protocol_type=protocol)
    client.client.join_group("g")
    for text in ("first", "second"):
        client.client.send_to_group("g", text, WebPubSubDataType.TEXT, ack_id=500)
    client.client.send_to_group("g", "third", WebPubSubDataType.TEXT)
    until(lambda: len(client.group_messages) == 2, "two messages")
    assert {message.data for message in client.group_messages} == {"first", "third"}


def test_leaving_a_group(realtime, service, protocol):
    client = realtime(protocol_type=protocol)
    client.client.join_group("g")
    client.client.leave_group("g")
    assert not service.group_exists("g")


def test_after_a_close_by_the_application_it_is_back_in_its_groups(realtime, service, protocol):
    client = realtime(protocol_type=protocol)
    client.client.join_group("g")
    first = client.connection_id
    service.close_connection(first, reason="moved")
    until(lambda: len(client.connections) == 2, "the second connection")
    assert client.connection_id != first
    until(lambda: service.group_exists("g"), "the group to be joined again")
    until(lambda: client.disconnections, "the disconnected event")
    assert client.disconnections[0].message == "Application server closed the connection. Reason: moved"


def test_close_stops_the_client(realtime, protocol):
    client = realtime(protocol_type=protocol)
    client.client.close()
    until(lambda: client.stops, "the stopped event")
    assert not client.client.is_connected()


def test_a_refused_token_does_not_open(server):
    from azure.messaging.webpubsubclient import WebPubSubClient

    client = WebPubSubClient(f"ws://127.0.0.1:{server.port}/client/hubs/h?access_token=nonsense", start_timeout=10)
    with pytest.raises(OpenClientError):
        client.open()


def test_numbered_messages_arrive_once_through_cuts(realtime, service, proxy):
    client = realtime(proxy, protocol_type=WebPubSubProtocolType.JSON_RELIABLE)
    client.client.join_group("g")
    cuts, batch = 10, 30
    for cut in range(cuts):
        accepted = proxy.accepted
        for n in range(batch):
            if n == batch // 2:
                assert proxy.cut() == 1
            service.send_to_group("g", {"n": cut * batch + n})
        until(lambda: len(client.group_messages) >= (cut + 1) * batch, f"batch {cut}")
        until(lambda: proxy.accepted > accepted and client.client.is_connected(), "the recovery")
    assert sorted(message.data["n"] for message in client.group_messages) == list(range(cuts * batch))
    assert sorted(message.sequence_id for message in client.group_messages) == list(range(1, cuts * batch + 1))
    assert len(client.connections) == 1
    assert client.disconnections == []


def test_messages_sent_while_away_are_there_after_the_recovery(realtime, service, proxy):
    client = realtime(proxy, protocol_type=WebPubSubProtocolType.JSON_RELIABLE, user_id="u")
    proxy.refusing = True
    proxy.cut()
    service.send_to_user("u", {"n": 1})
    service.send_to_all({"n": 2})
    proxy.refusing = False
    until(lambda: len(client.server_messages) == 2, "both messages")
    assert len(client.connections) == 1


def test_the_asynchronous_client(server, service, hub):
    async def play():
        seen = asyncio.Queue()

        async def on_message(message):
            await seen.put(message.data)

        client = AsyncClient(credential=service.get_client_access_token(roles=ALL_ROLES)["url"])
        await client.subscribe(CallbackType.GROUP_MESSAGE, on_message)
        async with client:
            await client.join_group("g")
            await client.send_to_group("g", {"n": 1}, WebPubSubDataType.JSON)
            assert await asyncio.wait_for(seen.get(), 20) == {"n": 1}
            await client.leave_group("g")

    asyncio.run(play())
