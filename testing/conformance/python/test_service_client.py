"""Every method of the official Python service SDK, and what clients see of it."""

import asyncio
import base64
import io
import json

import pytest
from azure.core.credentials import AzureKeyCredential
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ResourceNotFoundError
from azure.core.rest import HttpRequest
from azure.messaging.webpubsubservice import WebPubSubServiceClient
from azure.messaging.webpubsubservice.aio import WebPubSubServiceClient as AsyncServiceClient

REASONED = "Application server closed the connection. Reason: enough"


def shape(message):
    return message["from"], message["dataType"], message["data"]


def test_the_three_content_types_reach_every_client(service, connect):
    receivers = [connect(), connect(user_id="u")]
    service.send_to_all({"hello": [1, None]})
    service.send_to_all("täxt", content_type="text/plain")
    service.send_to_all(io.BytesIO(b"\x00\xff"), content_type="application/octet-stream")
    for receiver in receivers:
        assert [shape(receiver.next()) for _ in range(3)] == [
            ("server", "json", {"hello": [1, None]}),
            ("server", "text", "täxt"),
            ("server", "binary", base64.b64encode(b"\x00\xff").decode()),
        ]


def test_excluded_and_filtered_connections_see_nothing(service, connect):
    one, two, three = connect(user_id="a"), connect(user_id="b"), connect(user_id="c")
    service.send_to_all("x", content_type="text/plain", excluded=[one.connection_id], filter="userId ne 'b'")
    assert three.next()["data"] == "x"
    one.next_nothing_but(service)
    two.next_nothing_but(service)


def test_users_connections_and_groups_are_addressed(service, connect):
    receiver = connect(user_id="u", groups=["g"])
    other = connect()
    service.send_to_user("u", {"n": 1})
    service.send_to_user("u", "2", content_type="text/plain", filter="'g' in groups")
    service.send_to_connection(receiver.connection_id, {"n": 3})
    service.send_to_group("g", {"n": 4})
    service.send_to_group("g", "none", content_type="text/plain", excluded=[receiver.connection_id])
    service.send_to_group("g", "none", content_type="text/plain", filter="userId eq null")
    messages = [receiver.next() for _ in range(4)]
    assert [message["data"] for message in messages] == [{"n": 1}, "2", {"n": 3}, {"n": 4}]
    assert [message["from"] for message in messages] == ["server", "server", "server", "group"]
    assert messages[3]["fromUserId"] is None
    receiver.next_nothing_but(service)
    other.next_nothing_but(service)


def test_existence_follows_the_connection(service, connect):
    receiver = connect(user_id="u", groups=["g"])
    connection_id = receiver.connection_id
    assert service.connection_exists(connection_id)
    assert service.user_exists("u")
    assert service.group_exists("g")
    service.close_connection(connection_id, reason="enough")
    assert not service.connection_exists(connection_id)
    assert not service.user_exists("u")
    assert not service.group_exists("g")


def test_membership_of_connections_and_users(service, connect):
    one, two = connect(user_id="u"), connect(user_id="u")
    service.add_connection_to_group("g", one.connection_id)
    service.add_user_to_group("h", "u")
    service.send_to_group("g", {"n": 1})
    service.send_to_group("h", {"n": 2})
    assert [one.next()["data"], one.next()["data"]] == [{"n": 1}, {"n": 2}]
    assert two.next()["data"] == {"n": 2}
    service.remove_connection_from_group("g", one.connection_id)
    assert not service.group_exists("g")
    service.remove_user_from_group("h", "u")
    assert not service.group_exists("h")
    service.add_user_to_group("i", "u")
    service.remove_connection_from_all_groups(one.connection_id)
    assert service.group_exists("i")
    service.remove_user_from_all_groups("u")
    assert not service.group_exists("i")


def test_missing_targets(service):
    with pytest.raises(ResourceNotFoundError) as missing:
        service.add_connection_to_group("g", "none")
    assert missing.value.error.code == "Error.Connection.NotExisted"
    with pytest.raises(ResourceNotFoundError):
        service.add_user_to_group("g", "none")
    with pytest.raises(ResourceNotFoundError):
        service.grant_permission("sendToGroup", "none", target_name="g")
    service.send_to_all({})
    service.send_to_user("none", {})
    service.send_to_connection("none", {})
    service.send_to_group("none", {})
    service.close_connection("none")
    service.close_user_connections("none")
    service.close_group_connections("none")
    service.close_all_connections()
    service.remove_connection_from_group("g", "none")
    service.remove_user_from_group("g", "none")
    service.remove_connection_from_all_groups("none")
    service.remove_user_from_all_groups("none")
    service.revoke_permission("sendToGroup", "none", target_name="g")
    assert not service.has_permission("sendToGroup", "none", target_name="g")


def test_closes_with_exclusions(service, connect):
    for close in (
        service.close_all_connections,
        lambda **options: service.close_group_connections("g", **options),
        lambda **options: service.close_user_connections("u", **options),
    ):
        gone, kept = connect(user_id="u", groups=["g"]), connect(user_id="u", groups=["g"])
        close(excluded=[kept.connection_id], reason="enough")
        assert gone.next() == {"type": "system", "event": "disconnected", "message": REASONED}
        assert gone.close_frame() == (1000, "")
        kept.next_nothing_but(service)
        service.close_connection(kept.connection_id)


def test_permissions(service, connect):
    receiver = connect(roles=["webpubsub.joinLeaveGroup.other"])
    connection_id = receiver.connection_id
    for permission in ("sendToGroup", "joinLeaveGroup"):
        assert not service.has_permission(permission, connection_id, target_name="g")
        service.grant_permission(permission, connection_id, target_name="g")
        assert service.has_permission(permission, connection_id, target_name="g")
        service.revoke_permission(permission, connection_id, target_name="g")
        assert not service.has_permission(permission, connection_id, target_name="g")


@pytest.mark.parametrize("options, total", [({}, 7), ({"maxpagesize": 3}, 7), ({"maxpagesize": 1}, 7), ({"maxpagesize": 2, "top": 5}, 5), ({"top": 2}, 2)])
def test_members_are_listed_over_pages(service, connect, options, total):
    receivers = [connect(groups=["g"], **({"user_id": f"u{n}"} if n % 2 else {})) for n in range(7)]
    members = list(service.list_connections(group="g", **options))
    assert len(members) == len({member.connection_id for member in members}) == total
    assert {member.connection_id for member in members} <= {receiver.connection_id for receiver in receivers}
    if total == 7:
        assert sorted(member.user_id or "" for member in members) == ["", "", "", "", "u1", "u3", "u5"]


def test_an_unknown_group_has_no_members(service):
    assert list(service.list_connections(group="none")) == []


def test_client_tokens_carry_user_roles_and_groups(service, server, hub, connect):
    token = service.get_client_access_token(user_id="u", roles=["webpubsub.joinLeaveGroup.g"], groups=["start"], minutes_to_expire=5, jwt_headers={"kid": "1"})
    assert token["baseUrl"] == f"ws://127.0.0.1:{server.port}/client/hubs/{hub}"
    receiver = connect(user_id="u", roles=["webpubsub.joinLeaveGroup.g"], groups=["start"])
    assert receiver.connected["userId"] == "u"
    receiver.send(type="joinGroup", group="g", ackId=1)
    assert receiver.next() == {"type": "ack", "ackId": 1, "success": True}
    receiver.send(type="joinGroup", group="h", ackId=2)
    assert receiver.next()["error"]["name"] == "Forbidden"
    assert service.group_exists("start")


def test_errors_have_their_types(server, service, hub):
    with pytest.raises(HttpResponseError) as invalid:
        service.send_to_all({}, filter="invalid filter")
    assert invalid.value.status_code == 400
    stranger = WebPubSubServiceClient(server.endpoint, hub, AzureKeyCredential("x" * 44))
    with pytest.raises(ClientAuthenticationError):
        stranger.send_to_all({})


def test_endpoint_and_port_may_stand_apart(server, hub, connect):
    receiver = connect()
    apart = WebPubSubServiceClient("http://127.0.0.1", hub, AzureKeyCredential(server.access_key), port=server.port)
    apart.send_to_all({"n": 1})
    assert receiver.next()["data"] == {"n": 1}


def test_raw_requests_pass_through_the_pipeline(service, server, hub, connect):
    receiver = connect()
    request = HttpRequest("POST", f"/api/hubs/{hub}/:addToGroups?api-version=2024-12-01", json={"groups": ["a"], "filter": f"connectionId eq '{receiver.connection_id}'"})
    response = service.send_request(request)
    assert response.status_code == 200
    assert response.headers["api-supported-versions"].endswith("2024-12-01")
    assert service.group_exists("a")
    token = service.send_request(HttpRequest("POST", f"/api/hubs/{hub}/:generateToken?api-version=2024-12-01&userId=u"))
    assert token.status_code == 200
    claims = json.loads(base64.urlsafe_b64decode(token.json()["token"].split(".")[1] + "=="))
    assert claims["sub"] == "u"


@pytest.mark.parametrize("version", ["2021-10-01", "2022-11-01", "2023-07-01", "2024-01-01", "2024-12-01"])
def test_every_version_is_served(server, hub, connect, version):
    receiver = connect()
    client = WebPubSubServiceClient.from_connection_string(server.connection_string, hub, api_version=version)
    client.send_to_all({"version": version})
    assert receiver.next()["data"] == {"version": version}


def test_the_asynchronous_client(server, hub, connect):
    receiver = connect(user_id="u")

    async def play():
        async with AsyncServiceClient.from_connection_string(server.connection_string, hub) as client:
            await client.send_to_all({"n": 1})
            await client.send_to_user("u", "two", content_type="text/plain")
            await client.add_connection_to_group("g", receiver.connection_id)
            await client.send_to_group("g", {"n": 3})
            members = [member async for member in client.list_connections(group="g", maxpagesize=1)]
            assert [(member.connection_id, member.user_id) for member in members] == [(receiver.connection_id, "u")]
            assert await client.connection_exists(receiver.connection_id)
            assert not await client.user_exists("none")
            await client.grant_permission("sendToGroup", receiver.connection_id, target_name="g")
            assert await client.has_permission("sendToGroup", receiver.connection_id, target_name="g")
            await client.close_connection(receiver.connection_id, reason="enough")

    asyncio.run(play())
    assert [receiver.next()["data"] for _ in range(3)] == [{"n": 1}, "two", {"n": 3}]
    assert receiver.next()["message"] == REASONED
