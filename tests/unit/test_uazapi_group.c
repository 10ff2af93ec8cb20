/* test_uazapi_group.c - groups and communities on UAZAPI (contracts/uazapi.md sections 16.3 and
 * 16.4).
 */
#include "provider/uazapi_group.c"

#include "uazapi_act.h"

#define COMMUNITY "120363000000000009@g.us"
#define K         .chat = {COMMUNITY, sizeof(COMMUNITY) - 1}
#define JID       "\"groupjid\":\"" GROUP "\""
#define UPDATE(action)                                                                             \
	"POST /group/updateParticipants {" JID ",\"action\":\"" action                             \
	"\",\"participants\":[\"5511900000002\",\"77@lid\"]}"

static const struct slice groups[1] = {{GROUP, sizeof(GROUP) - 1}};

static const struct request_case requests[] = {
	{{ACTION_GROUP_CREATE, N("Team"), WHO},
	 "POST /group/create {\"name\":\"Team\",\"participants\":[\"5511900000002\",\"77@lid\"]}"},
	{{ACTION_GROUP, C}, "POST /group/info {" JID "}"},
	{{ACTION_GROUP_INVITE, T("https://chat.whatsapp.com/Ab1")},
	 "POST /group/inviteInfo {\"invitecode\":\"https://chat.whatsapp.com/Ab1\",\"inviteCode\":"
	 "\"https://chat.whatsapp.com/Ab1\"}"},
	{{ACTION_GROUP_JOIN, T("Ab1")},
	 "POST /group/join {\"invitecode\":\"Ab1\",\"inviteCode\":\"Ab1\"}"},
	{{ACTION_GROUP_SUBJECT, C, N("x")}, "POST /group/updateName {" JID ",\"name\":\"x\"}"},
	{{ACTION_GROUP_TOPIC, C, T("x")},
	 "POST /group/updateDescription {" JID ",\"description\":\"x\"}"},
	{{ACTION_GROUP_PICTURE, C, .file_type = {"image/jpeg", 10}, .file_data = {"/9j/", 4}},
	 "POST /group/updateImage {" JID ",\"image\":\"/9j/\"}"},
	{{ACTION_GROUP_PICTURE, C, .file_url = {"https://h/a.jpg", 15}},
	 "POST /group/updateImage {" JID ",\"image\":\"https://h/a.jpg\"}"},
	{{ACTION_GROUP_PICTURE_REMOVE, C},
	 "POST /group/updateImage {" JID ",\"image\":\"remove\"}"},
	{{ACTION_GROUP_PICTURE_GET, C}, "POST /chat/details {\"number\":\"" GROUP "\"}"},
	{{ACTION_GROUP_ADD, C, WHO}, UPDATE("add")},
	{{ACTION_GROUP_REMOVE, C, WHO}, UPDATE("remove")},
	{{ACTION_GROUP_PROMOTE, C, WHO}, UPDATE("promote")},
	{{ACTION_GROUP_DEMOTE, C, WHO}, UPDATE("demote")},
	{{ACTION_GROUP_LEAVE, C}, "POST /group/leave {" JID "}"},
	{{ACTION_GROUP_LINK, C},
	 "POST /group/info {" JID ",\"getInviteLink\":true,\"force\":true}"},
	{{ACTION_COMMUNITY_CREATE, N("All")}, "POST /community/create {\"name\":\"All\"}"},
	{{ACTION_COMMUNITY_GROUPS, K, T("remove"), .people = groups, .people_count = 1},
	 "POST /community/editgroups {\"community\":\"" COMMUNITY
	 "\",\"action\":\"remove\",\"groupjids\":[\"" GROUP "\"]}"},
	{{ACTION_COMMUNITY, K}, "POST /group/info {\"groupjid\":\"" COMMUNITY "\"}"},
	{{.action = ACTION_COMMUNITY_LIST}, "GET /group/list?noparticipants=true "},
	{{.action = ACTION_COMMUNITY_LINKED}, "GET /group/list?noparticipants=true "},
	{{ACTION_COMMUNITY_SUBJECT, K, N("x")},
	 "POST /group/updateName {\"groupjid\":\"" COMMUNITY "\",\"name\":\"x\"}"},
	{{ACTION_COMMUNITY_TOPIC, K, T("x")},
	 "POST /group/updateDescription {\"groupjid\":\"" COMMUNITY "\",\"description\":\"x\"}"},
};

static void
test_requests(void **state GH_UNUSED)
{
	requests_check(requests, GH_COUNT(requests));
}

#define BARE(jid, name, parent, linked)                                                            \
	"{\"JID\":\"" jid "\",\"Name\":\"" name                                                    \
	"\",\"Topic\":null,\"OwnerJID\":null,\"IsAnnounce\":false,\"IsLocked\":false,"             \
	"\"IsParent\":" parent ",\"LinkedParentJID\":" linked                                      \
	",\"GroupCreated\":null,\"Participants\":[]}"
#define TEAM                                                                                       \
	"{\"JID\":\"" GROUP "\",\"Name\":\"Acme team\",\"Topic\":\"Daily notes\","                 \
	"\"OwnerJID\":\"5511900000005@c.us\",\"IsAnnounce\":true,\"IsLocked\":false,"              \
	"\"IsParent\":false,\"LinkedParentJID\":null,\"GroupCreated\":\"2026-10-01T12:00:00Z\","   \
	"\"Participants\":[{\"JID\":\"210000000000005@lid\",\"PhoneNumber\":"                      \
	"\"5511900000005@c.us\",\"IsAdmin\":true,\"IsSuperAdmin\":true,\"Error\":0}]}"
#define OLD                                                                                        \
	"{\"JID\":\"120363000000000002@g.us\",\"Name\":\"Old\",\"Topic\":\"\",\"OwnerJID\":null,"  \
	"\"IsAnnounce\":false,\"IsLocked\":false,\"IsParent\":true,\"LinkedParentJID\":null,"      \
	"\"GroupCreated\":null,\"Participants\":[{\"JID\":\"210000000000006@lid\","                \
	"\"PhoneNumber\":null,\"IsAdmin\":false,\"IsSuperAdmin\":false,\"Error\":403}]}"
#define LINK "\"https://chat.whatsapp.com/Ab1\""

static const struct answer_case answers[] = {
	{ACTION_GROUP, "action_group", NULL, "ok", TEAM, NULL, NULL},
	{ACTION_GROUP_CREATE, "action_group_ownerless", NULL, "ok", OLD, NULL, NULL},
	{ACTION_GROUP_CREATE, NULL, "{\"response\":\"ok\"}", "answer_unreadable", NULL, NULL, NULL},
	{ACTION_GROUP_CREATE, NULL, "{\"error\":\"Could not parse phone\"}", "not_allowed", NULL,
	 NULL, NULL},
	{ACTION_GROUP_INVITE, "action_group", NULL, "ok", TEAM, NULL, NULL},
	{ACTION_GROUP_JOIN, "action_join", NULL, "ok", NULL, GROUP, NULL},
	{ACTION_GROUP_JOIN, NULL, "{\"response\":\"Request sent\",\"group\":null}", "ok", NULL,
	 NULL, NULL},
	{ACTION_GROUP_SUBJECT, "action_join", NULL, "ok", NULL, NULL, NULL},
	{ACTION_GROUP_SUBJECT, NULL, "{\"error\":\"no\",\"success\":false}", "not_allowed", NULL,
	 NULL, NULL},
	{ACTION_GROUP_PICTURE_GET, "action_details", NULL, "ok",
	 "\"https://pps.whatsapp.net/x.jpg\"", NULL, NULL},
	{ACTION_GROUP_ADD, "action_members", NULL, "ok",
	 "[{\"JID\":\"210000000000005@lid\",\"PhoneNumber\":null,\"IsAdmin\":false,"
	 "\"IsSuperAdmin\":false,\"Error\":0},{\"JID\":\"5511900000006@c.us\",\"PhoneNumber\":null,"
	 "\"IsAdmin\":false,\"IsSuperAdmin\":false,\"Error\":403}]",
	 NULL, NULL},
	{ACTION_GROUP_LINK, NULL, "{\"JID\":\"" GROUP "\",\"invite_link\":" LINK "}", "ok", LINK,
	 NULL, NULL},
	{ACTION_GROUP_LINK, NULL, "{\"InviteLink\":" LINK "}", "ok", LINK, NULL, NULL},
	{ACTION_GROUP_LINK, NULL, "{\"inviteLink\":\"Ab1\"}", "ok", LINK, NULL, NULL},
	{ACTION_GROUP_LINK, NULL, "{\"group\":{\"JID\":\"" GROUP "\",\"invite_link\":\"Ab1\"}}",
	 "ok", LINK, NULL, NULL},
	{ACTION_GROUP_LINK, "action_group", NULL, "not_allowed", NULL, NULL, NULL},
	{ACTION_COMMUNITY_CREATE, "action_group_ownerless", NULL, "ok", OLD, NULL, NULL},
	{ACTION_COMMUNITY, "action_group_ownerless", NULL, "ok", OLD, NULL, NULL},
	{ACTION_COMMUNITY, "action_group", NULL, "not_found", NULL, NULL, NULL},
	{ACTION_COMMUNITY, NULL, "", "answer_unreadable", NULL, NULL, NULL},
	{ACTION_COMMUNITY_LIST, "action_group_list", NULL, "ok",
	 "[" BARE(COMMUNITY, "All of us", "true", "null") "]", NULL, NULL},
	{ACTION_COMMUNITY_LIST, NULL, "{\"groups\":null}", "ok", "[]", NULL, NULL},
	{ACTION_COMMUNITY_LIST, NULL, "{}", "answer_unreadable", NULL, NULL, NULL},
	{ACTION_COMMUNITY_LINKED, "action_group_list", NULL, "ok",
	 "[" BARE(GROUP, "Acme team", "false", "\"" COMMUNITY "\"") "]", NULL, NULL},
	{ACTION_COMMUNITY_GROUPS, "action_linked", NULL, "ok",
	 "{\"success\":[\"" GROUP "\"],\"failed\":[\"120363000000000003@g.us\"]}", NULL, NULL},
	{ACTION_COMMUNITY_GROUPS, NULL, "{\"failed\":[{\"JID\":\"" GROUP "\",\"error\":\"x\"},{}]}",
	 "ok", "{\"success\":[],\"failed\":[\"" GROUP "\"]}", NULL, NULL},
};

static void
test_answers(void **state GH_UNUSED)
{
	answers_check(answers, GH_COUNT(answers));
}

/* The largest picture that our API takes is sent whole. */
static void
test_large_picture(void **state GH_UNUSED)
{
	const size_t size = 1024 * 1024 / 3 * 4;
	struct arena *a = arena_new(0);
	char *data = arena_alloc(a, size);
	const struct provider_act act = {
		.action = ACTION_GROUP_PICTURE, C, .file_data = slice_make(data, size)};
	struct provider_request r;
	struct gh_err err = {0};

	memset(data, 'A', size);
	assert_int_equal(act_build(&act, a, &r, &err), GH_OK);
	assert_true(r.body.n > size);
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_large_picture),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
