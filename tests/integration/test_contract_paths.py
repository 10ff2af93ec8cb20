"""Clients of the first GrowHub work after changing base URL and tokens: every path of
contracts/growhub-api.md sections 3 to 8 is routed, under the same method and for the same kind of
token, or stands in NOT_YET with the reason."""

from test_tenants import ROUTES

CONTRACT = {
    "ADMIN": """
        GET /api/admin/me
        POST /api/admin/change-password
        GET /api/admin/health
        GET /api/admin/metrics
        GET /api/admin/companies
        POST /api/admin/companies
        GET /api/admin/companies/{id}
        PUT /api/admin/companies/{id}
        DELETE /api/admin/companies/{id}
        POST /api/admin/companies/{id}/token
        GET /api/admin/providers
        POST /api/admin/providers
        GET /api/admin/providers/{id}
        PUT /api/admin/providers/{id}
        DELETE /api/admin/providers/{id}
        GET /api/admin/providers/{id}/instances
        GET /api/admin/instances
        POST /api/admin/instances/{}/{}/disconnect
        DELETE /api/admin/instances/{}/{}
        GET /api/admin/dlq
        GET /api/admin/dlq/{id}
        POST /api/admin/dlq/{id}/replay
        POST /api/admin/dlq/replay
        DELETE /api/admin/dlq/{id}
        GET /api/admin/logs
    """,
    "COMPANY": """
        POST /api/instances
        GET /api/instances
        GET /api/instances/{id}
        PUT /api/instances/{id}
        DELETE /api/instances/{id}
        POST /api/instances/{id}/token
        GET /api/instances/{id}/qrcode
        GET /api/instances/{id}/webhooks
        POST /api/instances/{id}/webhooks
        PUT /api/instances/{id}/webhooks/{}
        DELETE /api/instances/{id}/webhooks/{}
        POST /api/instances/{id}/webhooks/{}/test
        POST /api/instances/{id}/webhooks/{}/rotate-secret
        POST /api/instances/{id}/webhooks/{}/enable
        GET /api/instances/{id}/webhooks/{}/deliveries
        POST /api/instances/{id}/webhooks/{}/deliveries/{}/retry
        POST /api/instances/{id}/webhooks/{}/recover
        POST /api/messages/send
        POST /api/messages/send-batch
        GET /api/messages
        GET /api/messages/{id}
        DELETE /api/messages/{id}
        GET /api/events
        GET /api/events/{id}
        GET /api/stats
    """,
    "INSTANCE": """
        POST /instance/connect
        POST /instance/disconnect
        POST /instance/restart
        DELETE /instance
        PUT /instance/name
        GET /instance/status
        GET /instance/qrcode
        GET /instance/qrcode/image
        GET /instance/privacy
        PUT /instance/privacy
        PUT /instance/presence
        POST /send/text
        POST /send/media
        POST /send/contact
        POST /send/location
        POST /send/menu
        POST /message/react
        POST /message/markread
        POST /message/presence
        POST /message/download
        POST /message/forward
        POST /message/delete
        POST /message/edit
        GET /contacts
        POST /contact/add
        POST /contact/remove
        POST /contact/block
        POST /contact/unblock
        POST /chat/details
        POST /chat/check
        POST /group/create
        POST /group/info
        POST /group/inviteInfo
        POST /group/join
        POST /group/updateDescription
        POST /group/updateName
        POST /group/updateImage
        POST /group/updateParticipants
        POST /group/leave
        GET /group/invitelink/{}
        POST /community/create
        POST /community/editgroups
        POST /community/info
        POST /community/updateDescription
        POST /community/updateName
        POST /community/leave
        GET /community/list
    """,
    "ANYONE": """
        POST /api/admin/login
        POST /webhook/{}/{}
        GET /health
        GET /openapi.json
        GET /docs
    """,
}

NOT_YET = {}


def shape(method, path):
    """Parameters may have any name."""
    return method, "/".join("{}" if s.startswith("{") else s for s in path.split("/"))


PATHS = {shape(*line.split()): kind for kind, lines in CONTRACT.items()
         for line in lines.strip().splitlines()}
ROUTED = {shape(method, path): kind for method, path, kind, _ in ROUTES}


def test_paths_of_the_contract():
    """All of them but those of NOT_YET, which are none of ours yet."""
    missing = {" ".join(route) for route in PATHS.keys() - ROUTED.keys()}
    assert missing == NOT_YET.keys()


def test_kinds_of_tokens():
    there = PATHS.keys() & ROUTED.keys()
    assert {r: ROUTED[r] for r in there} == {r: PATHS[r] for r in there}
