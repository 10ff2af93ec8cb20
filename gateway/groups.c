/* groups.c - the groups and communities of an instance. */
#include "direct.h"
#include "endpoints.h"
#include "gateway.h"

#include "base/arena.h"
#include "crypto/encode.h"

#define NAME_CHARS   100
#define TOPIC_CHARS  2048
#define CODE_CHARS   200
#define PEOPLE_MAX   50
#define IMAGE_MAX    ((size_t)1024 * 1024)
#define IMAGE_BODY   ((size_t)2 * 1024 * 1024) /* of updateImage */
#define ID_FLAGS     (JSON_RULE_REQUIRED | JSON_RULE_LINE)
#define LINE         JSON_RULE_LINE
#define DATA_URL_MAX 100 /* bytes of "data:image/jpeg;base64," */

/* The body of every route here; each has a table of those it reads. */
struct group_body {
	struct slice groupjid, community, name, description, image, code, invitecode;
	struct json_strings participants, groupjids;
	int action;
	bool has_link;
};
#define AT(member) .offset = offsetof(struct group_body, member)

#define RULE_GROUP                                                                                 \
	{                                                                                          \
		"groupjid", JSON_RULE_STRING, ID_FLAGS, .min = 1, .max = 64, AT(groupjid)          \
	}
#define RULE_NAME                                                                                  \
	{                                                                                          \
		"name", JSON_RULE_STRING, ID_FLAGS, .min = 1, .max = NAME_CHARS, AT(name)          \
	}
#define RULE_TOPIC                                                                                 \
	{                                                                                          \
		"description", JSON_RULE_STRING, JSON_RULE_REQUIRED, .max = TOPIC_CHARS,           \
								     AT(description)               \
	}
#define RULE_PEOPLE(flag)                                                                          \
	{                                                                                          \
		"participants", JSON_RULE_STRINGS, (flag), .min = 1, .max = PEOPLE_MAX,            \
							   AT(participants)                        \
	}
#define RULE_COMMUNITY                                                                             \
	{                                                                                          \
		"community", JSON_RULE_STRING, ID_FLAGS, .min = 1, .max = 64, AT(community)        \
	}

enum { MEMBERS_ADD, MEMBERS_REMOVE, MEMBERS_PROMOTE, MEMBERS_DEMOTE };

static const struct json_word member_words[] = {
	{"add", MEMBERS_ADD},
	{"remove", MEMBERS_REMOVE},
	{"promote", MEMBERS_PROMOTE},
	{"demote", MEMBERS_DEMOTE},
	{NULL, 0},
};
static const struct json_word link_words[] = {
	{"add", MEMBERS_ADD},
	{"remove", MEMBERS_REMOVE},
	{NULL, 0},
};

static const struct json_rule create_rules[] = {RULE_NAME, RULE_PEOPLE(JSON_RULE_REQUIRED)};
static const struct json_rule group_rules[] = {RULE_GROUP};
static const struct json_rule info_rules[] = {
	RULE_GROUP,
	{"getInviteLink", JSON_RULE_BOOL, AT(has_link), .text = "Adds invite_link"},
};
static const struct json_rule code_rules[] = {
	{"inviteCode", JSON_RULE_STRING, LINE, .min = 1, .max = CODE_CHARS, AT(code),
	 .text = "The code or the whole link"},
	{"invitecode", JSON_RULE_STRING, LINE, .min = 1, .max = CODE_CHARS, AT(invitecode),
	 .text = "The same"},
};
static const struct json_rule topic_rules[] = {RULE_GROUP, RULE_TOPIC};
static const struct json_rule name_rules[] = {RULE_GROUP, RULE_NAME};
static const struct json_rule image_rules[] = {
	RULE_GROUP,
	{"image", JSON_RULE_STRING, JSON_RULE_REQUIRED, .min = 1, AT(image),
	 .text = "A JPEG as base64, data URL or address; remove takes it away"},
};
static const struct json_rule members_rules[] = {
	RULE_GROUP,
	{"action", JSON_RULE_WORD, JSON_RULE_REQUIRED, .words = member_words, AT(action)},
	RULE_PEOPLE(JSON_RULE_REQUIRED),
};
static const struct json_rule community_create_rules[] = {RULE_NAME};
static const struct json_rule community_rules[] = {RULE_COMMUNITY};
static const struct json_rule community_topic_rules[] = {RULE_COMMUNITY, RULE_TOPIC};
static const struct json_rule community_name_rules[] = {RULE_COMMUNITY, RULE_NAME};
static const struct json_rule community_groups_rules[] = {
	RULE_COMMUNITY,
	{"action", JSON_RULE_WORD, JSON_RULE_REQUIRED, .words = link_words, AT(action)},
	{"groupjids", JSON_RULE_STRINGS, JSON_RULE_REQUIRED, .min = 1, .max = PEOPLE_MAX,
	 AT(groupjids)},
};
#undef AT

/* ---- replies ---- */

static const struct gw_schema member_schema = {
	.name = "GroupMember",
	.fields = GW_FIELDS(GW_FIELD("JID", STRING),
			    GW_FIELD("PhoneNumber", STRING, .flags = GW_F_NULL),
			    GW_FIELD("IsAdmin", BOOL), GW_FIELD("IsSuperAdmin", BOOL),
			    GW_FIELD("Error", INT, .text = "0, or why it was refused")),
};
#define GROUP_FIELDS                                                                               \
	GW_FIELD("JID", STRING, .flags = GW_F_NULL), GW_FIELD("Name", STRING, .flags = GW_F_NULL), \
		GW_FIELD("Topic", STRING, .flags = GW_F_NULL),                                     \
		GW_FIELD("OwnerJID", STRING, .flags = GW_F_NULL),                                  \
		GW_FIELD("GroupCreated", STRING, .flags = GW_F_NULL),                              \
		GW_FIELD("IsAnnounce", BOOL), GW_FIELD("IsLocked", BOOL),                          \
		GW_FIELD("IsParent", BOOL),                                                        \
		GW_FIELD("LinkedParentJID", STRING, .flags = GW_F_NULL),                           \
		GW_FIELD("Participants", OBJECT, .flags = GW_F_MANY, .of = &member_schema)

static const struct gw_schema group_schema = {
	.name = "Group",
	.fields = GW_FIELDS(GROUP_FIELDS,
			    GW_FIELD("invite_link", STRING, .flags = GW_F_NULL | GW_F_OPTIONAL)),
};
static const struct gw_schema community_schema = {
	.name = "Community",
	.fields = GW_FIELDS(GROUP_FIELDS,
			    GW_FIELD("groupjids", STRING, .flags = GW_F_MANY | GW_F_NULL,
				     .text = "The groups linked to it; null: not told")),
};
static const struct gw_schema linked_schema = {
	.name = "CommunityGroupsUpdated",
	.fields = GW_FIELDS(GW_FIELD("response", STRING), GW_FIELD("groupjid", STRING),
			    GW_FIELD("success", STRING, .flags = GW_F_MANY),
			    GW_FIELD("failed", STRING, .flags = GW_F_MANY)),
};
static const struct gw_schema updated_schema = {
	.name = "GroupUpdated",
	.fields = GW_FIELDS(GW_FIELD("response", STRING),
			    GW_FIELD("groupjid", STRING, .flags = GW_F_NULL)),
};
static const struct gw_schema members_schema = {
	.name = "GroupMembersUpdated",
	.fields = GW_FIELDS(GW_FIELD("groupUpdated", ANY, .flags = GW_F_MANY,
				     .text = "JID and Error of each; 0 is success")),
};
static const struct gw_schema link_schema = {
	.name = "InviteLink",
	.fields = GW_FIELDS(GW_FIELD("inviteLink", STRING)),
};

/* The text of a call's answer as a value; NULL where it told nothing. */
static const struct json *
answer(const struct direct *d, unsigned step)
{
	const struct provider_result *r = &d->step[step].result;
	const struct json *v = NULL;

	if (r->outcome != PROVIDER_OK || r->data.n == 0 ||
	    json_parse(r->data, d->req->a, &v, NULL, NULL) != GH_OK)
		return NULL;
	return v;
}

static void
reply_updated(struct direct *d, const char *text)
{
	struct json_w *w = gw_begin(d->req, text);

	json_w_open(w, GW_DATA, '{');
	json_w_str(w, "response", slice_of(text));
	json_w_str(w, "groupjid", d->step[0].act.chat);
	json_w_close(w, '}');
	gw_send(d->req, 200);
}

static void
updated(struct direct *d)
{
	reply_updated(d, "Group updated");
}

static void
reply_data(struct direct *d, const char *text)
{
	struct json_w *w = gw_begin(d->req, text);

	json_w_raw(w, GW_DATA, d->step[0].result.data);
	gw_send(d->req, 200);
}

static void
reply_group(struct direct *d)
{
	reply_data(d, "Group");
}

/* The fields of an object, a group's say, into the one that is open; members NULL: its own. */
static void
fields_write(struct direct *d, const struct json *group, const struct json *members,
	     struct json_w *w)
{
	struct buf b;

	buf_init(&b, d->req->a, GW_REPLY_MAX);
	for (const struct json *v = json_first(group); v != NULL; v = json_next(v)) {
		bool is_replaced = members != NULL && slice_eq(json_name(v), S("Participants"));

		buf_reset(&b);
		json_write(&b, is_replaced ? members : v);
		json_w_raw(w, arena_cstr(d->req->a, json_name(v)), buf_slice(&b));
	}
}

/* ---- bodies ---- */

static struct group_body *
body_read(struct gw_req *req, const struct json_rule *rules, unsigned count)
{
	struct group_body *body = arena_alloc(req->a, sizeof(*body));

	(void)json_check(req->body, rules, count, "", body, NULL, gw_errors(req));
	body->groupjid = direct_group(req, "groupjid", body->groupjid);
	body->community = direct_group(req, "community", body->community);
	if (body->code.p == NULL)
		body->code = body->invitecode;
	return body;
}
#define BODY(req, rules) body_read((req), (rules), GH_COUNT(rules))

static void
people_read(struct gw_req *req, struct group_body *body)
{
	for (unsigned i = 0; i < body->participants.count; i++)
		body->participants.v[i] = direct_person(
			req, arena_printf(req->a, "participants[%u]", i), body->participants.v[i]);
}

static void
act_on(struct gw_req *req, const struct provider_act *act, direct_fn *done)
{
	if (!gw_refuse_fields(req))
		direct_act(direct_new(req, NULL), act, done);
}

/* ---- create, info, join ---- */

static void
group_create(struct gw_req *req)
{
	struct group_body *body = BODY(req, create_rules);
	struct provider_act act = {.action = ACTION_GROUP_CREATE, .name = body->name};

	people_read(req, body);
	act.people = body->participants.v;
	act.people_count = body->participants.count;
	act_on(req, &act, reply_group);
}

enum { INFO_GROUP, INFO_MEMBERS, INFO_LINK, INFO_COUNT };

/* The members' own call has one form on all engines; the group's copy is the spare. */
static void
info_done(struct direct *d)
{
	struct json_w *w = gw_begin(d->req, "Group");

	json_w_open(w, GW_DATA, '{');
	fields_write(d, answer(d, INFO_GROUP), answer(d, INFO_MEMBERS), w);
	if (d->step_count > INFO_LINK)
		json_w_str(w, "invite_link", json_str(answer(d, INFO_LINK)));
	json_w_close(w, '}');
	gw_send(d->req, 200);
}

static void
group_info(struct gw_req *req)
{
	struct direct_step *steps = arena_alloc_array(req->a, INFO_COUNT, sizeof(*steps));
	struct group_body *body = BODY(req, info_rules);

	if (gw_refuse_fields(req))
		return;
	for (unsigned i = 0; i < INFO_COUNT; i++)
		steps[i].act.chat = body->groupjid;
	steps[INFO_GROUP].act.action = ACTION_GROUP;
	steps[INFO_MEMBERS].act.action = ACTION_GROUP_MEMBERS;
	steps[INFO_LINK].act.action = ACTION_GROUP_LINK;
	direct_call(direct_new(req, NULL), steps, body->has_link ? INFO_COUNT : INFO_LINK,
		    INFO_COUNT, 1, info_done);
}

static void
code_act(struct gw_req *req, enum provider_action action, direct_fn *done)
{
	struct group_body *body = BODY(req, code_rules);
	const struct provider_act act = {.action = action, .text = body->code};

	if (body->code.p == NULL)
		gw_field_error(req, "inviteCode", "is required");
	act_on(req, &act, done);
}

static void
group_invite_info(struct gw_req *req)
{
	code_act(req, ACTION_GROUP_INVITE, reply_group);
}

static void
join_done(struct direct *d)
{
	struct slice group = d->step[0].result.chat;
	struct json_w *w;

	w = gw_begin(d->req, group.n > 0 ? "Group joined" : "An administrator must approve");
	json_w_open(w, GW_DATA, '{');
	json_w_str(w, "response",
		   group.n > 0 ? S("Group join successful") : S("Approval is pending"));
	json_w_str(w, "groupjid", group.n > 0 ? group : SLICE_NONE);
	json_w_close(w, '}');
	gw_send(d->req, 200);
}

static void
group_join(struct gw_req *req)
{
	code_act(req, ACTION_GROUP_JOIN, join_done);
}

static void
link_done(struct direct *d)
{
	struct json_w *w = gw_begin(d->req, "Invite link");

	json_w_open(w, GW_DATA, '{');
	json_w_raw(w, "inviteLink", d->step[0].result.data);
	json_w_close(w, '}');
	gw_send(d->req, 200);
}

static void
group_link(struct gw_req *req)
{
	struct provider_act act = {.action = ACTION_GROUP_LINK};

	act.chat = direct_group(req, "jid", route_param(&req->match, S("jid")));
	act_on(req, &act, link_done);
}

/* ---- change ---- */

static void
group_update_topic(struct gw_req *req)
{
	const struct group_body *body = BODY(req, topic_rules);
	const struct provider_act act = {
		.action = ACTION_GROUP_TOPIC, .chat = body->groupjid, .text = body->description};

	act_on(req, &act, updated);
}

static void
group_update_name(struct gw_req *req)
{
	const struct group_body *body = BODY(req, name_rules);
	const struct provider_act act = {
		.action = ACTION_GROUP_SUBJECT, .chat = body->groupjid, .name = body->name};

	act_on(req, &act, updated);
}

/* The base64 text of a data URL; the text itself when it is none. */
static struct slice
data_of(struct slice text)
{
	struct slice head = slice_sub(text, 0, DATA_URL_MAX), rest;

	if (!slice_starts(text, S("data:")))
		return text;
	(void)slice_cut(head, ',', &rest);
	return rest.p != NULL ? slice_from(text, (size_t)(rest.p - text.p)) : text;
}

/* NULL when it is a JPEG in base64. */
static const char *
image_refusal(struct gw_req *req, struct slice text)
{
	const uint8_t *bytes;
	uint8_t *dst;
	size_t n;

	if (text.n > IMAGE_MAX / 3 * 4)
		return "is larger than 1 MiB";
	dst = arena_alloc(req->a, IMAGE_MAX);
	bytes = dst;
	if (encode_base64_parse(text, ENCODE_PAD_OPTIONAL, dst, IMAGE_MAX, &n) != GH_OK)
		return "must be base64, a data URL, an address or remove";
	if (n < 3 || bytes[0] != 0xFF || bytes[1] != 0xD8 || bytes[2] != 0xFF)
		return "must be a JPEG";
	return NULL;
}

static void
image_read(struct gw_req *req, struct slice image, struct provider_act *act)
{
	const char *why;

	act->action = ACTION_GROUP_PICTURE;
	act->file_type = S("image/jpeg");
	if (slice_eq(image, S("remove")) || slice_eq(image, S("delete"))) {
		act->action = ACTION_GROUP_PICTURE_REMOVE;
		return;
	}
	if (slice_starts(image, S("http://")) || slice_starts(image, S("https://"))) {
		/* The provider fetches it: it must not be led into somebody's network. */
		act->file_url = image;
		why = endpoint_url_refusal(image, endpoints_policy(req));
	} else {
		act->file_data = data_of(image);
		why = image_refusal(req, act->file_data);
	}
	if (why != NULL)
		gw_field_error(req, "image", why);
}

static void
group_update_image(struct gw_req *req)
{
	const struct group_body *body = BODY(req, image_rules);
	struct provider_act act = {.chat = body->groupjid};

	if (body->image.p != NULL)
		image_read(req, body->image, &act);
	act_on(req, &act, updated);
}

static void
members_done(struct direct *d)
{
	struct json_w *w = gw_begin(d->req, "Members updated");

	json_w_open(w, GW_DATA, '{');
	json_w_open(w, "groupUpdated", '[');
	for (unsigned i = 0; i < d->step_count; i++) {
		const struct provider_result *r = &d->step[i].result;
		const struct json *row = json_first(answer(d, i));

		json_w_open(w, NULL, '{');
		json_w_str(w, "JID", d->step[i].act.people[0]);
		/* Engines that tell nothing of each have done it. */
		json_w_i64(w, "Error",
			   r->outcome == PROVIDER_OK ? json_i64(json_get(row, "Error"), 0) : 500);
		if (r->outcome != PROVIDER_OK)
			json_w_str(w, "message", slice_of(r->text));
		json_w_close(w, '}');
	}
	json_w_close(w, ']');
	json_w_close(w, '}');
	gw_send(d->req, 200);
}

/* One by one: after a refusal of one the others are still done (contracts/waha.md 18.4). */
static void
group_update_members(struct gw_req *req)
{
	static const enum provider_action actions[] = {
		[MEMBERS_ADD] = ACTION_GROUP_ADD,
		[MEMBERS_REMOVE] = ACTION_GROUP_REMOVE,
		[MEMBERS_PROMOTE] = ACTION_GROUP_PROMOTE,
		[MEMBERS_DEMOTE] = ACTION_GROUP_DEMOTE,
	};
	struct group_body *body = BODY(req, members_rules);
	struct direct_step *steps;

	people_read(req, body);
	if (gw_refuse_fields(req))
		return;
	steps = arena_alloc_array(req->a, body->participants.count, sizeof(*steps));
	for (unsigned i = 0; i < body->participants.count; i++)
		steps[i].act = (struct provider_act){.action = actions[body->action],
						     .chat = body->groupjid,
						     .people = &body->participants.v[i],
						     .people_count = 1};
	direct_call(direct_new(req, NULL), steps, body->participants.count, 1, 1, members_done);
}

static void
left(struct direct *d)
{
	reply_updated(d, "Group leave successful");
}

static void
group_leave(struct gw_req *req)
{
	const struct provider_act act = {.action = ACTION_GROUP_LEAVE,
					 .chat = BODY(req, group_rules)->groupjid};

	act_on(req, &act, left);
}

/* ---- communities ---- */

static void
community_created(struct direct *d)
{
	reply_data(d, "Community created");
}

static void
community_create(struct gw_req *req)
{
	const struct group_body *body = BODY(req, community_create_rules);
	const struct provider_act act = {.action = ACTION_COMMUNITY_CREATE, .name = body->name};

	act_on(req, &act, community_created);
}

static void
community_edited(struct direct *d)
{
	struct json_w *w = gw_begin(d->req, "Community updated");

	json_w_open(w, GW_DATA, '{');
	json_w_str(w, "response", S("Community updated"));
	json_w_str(w, "groupjid", d->step[0].act.chat);
	fields_write(d, answer(d, 0), NULL, w);
	json_w_close(w, '}');
	gw_send(d->req, 200);
}

static void
community_edit_groups(struct gw_req *req)
{
	struct group_body *body = BODY(req, community_groups_rules);
	struct provider_act act = {.action = ACTION_COMMUNITY_GROUPS,
				   .chat = body->community,
				   .text = slice_of(link_words[body->action].text)};

	for (unsigned i = 0; i < body->groupjids.count; i++)
		body->groupjids.v[i] = direct_group(req, arena_printf(req->a, "groupjids[%u]", i),
						    body->groupjids.v[i]);
	act.people = body->groupjids.v;
	act.people_count = body->groupjids.count;
	act_on(req, &act, community_edited);
}

enum { COMMUNITY_ITSELF, COMMUNITY_GROUPS, COMMUNITY_STEPS };

static void
community_told(struct direct *d)
{
	struct slice jid = d->step[COMMUNITY_ITSELF].act.chat;
	const struct json *groups = answer(d, COMMUNITY_GROUPS);
	struct json_w *w = gw_begin(d->req, "Community");

	json_w_open(w, GW_DATA, '{');
	fields_write(d, answer(d, COMMUNITY_ITSELF), NULL, w);
	if (groups == NULL) {
		json_w_null(w, "groupjids");
	} else {
		json_w_open(w, "groupjids", '[');
		for (const struct json *v = json_first(groups); v != NULL; v = json_next(v))
			if (slice_eq(json_str(json_get(v, "LinkedParentJID")), jid))
				json_w_str(w, NULL, json_str(json_get(v, "JID")));
		json_w_close(w, ']');
	}
	json_w_close(w, '}');
	gw_send(d->req, 200);
}

static void
community_info(struct gw_req *req)
{
	struct direct_step *steps = arena_alloc_array(req->a, COMMUNITY_STEPS, sizeof(*steps));
	struct group_body *body = BODY(req, community_rules);

	steps[COMMUNITY_ITSELF].act.action = ACTION_COMMUNITY;
	steps[COMMUNITY_ITSELF].act.chat = body->community;
	steps[COMMUNITY_GROUPS].act.action = ACTION_COMMUNITY_LINKED;
	if (!gw_refuse_fields(req))
		direct_call(direct_new(req, NULL), steps, COMMUNITY_STEPS, COMMUNITY_STEPS, 1,
			    community_told);
}

static void
community_act(struct gw_req *req, enum provider_action action, const struct group_body *body)
{
	const struct provider_act act = {.action = action,
					 .chat = body->community,
					 .name = body->name,
					 .text = body->description};

	act_on(req, &act, updated);
}

static void
community_update_topic(struct gw_req *req)
{
	community_act(req, ACTION_COMMUNITY_TOPIC, BODY(req, community_topic_rules));
}

static void
community_update_name(struct gw_req *req)
{
	community_act(req, ACTION_COMMUNITY_SUBJECT, BODY(req, community_name_rules));
}

static void
community_leave(struct gw_req *req)
{
	community_act(req, ACTION_COMMUNITY_LEAVE, BODY(req, community_rules));
}

static void
communities_told(struct direct *d)
{
	reply_data(d, "Communities");
}

static void
community_list(struct gw_req *req)
{
	const struct provider_act act = {.action = ACTION_COMMUNITY_LIST};

	act_on(req, &act, communities_told);
}

/* ---- the module ---- */

#define ERRORS (DIRECT_ERRORS | GW_ERR(NOT_FOUND))
#define DOC(id, line, rules, schema, ...)                                                          \
	GW_DOC(id, "Groups", line, .body = JSON_RULES(rules), .reply = &(schema),                  \
	       .flags = GW_DOC_ROOT, .errors = ERRORS, __VA_ARGS__)
#define COMMUNITY(id, line, rules, schema, ...)                                                    \
	GW_DOC(id, "Communities", line, .body = JSON_RULES(rules), .reply = &(schema),             \
	       .errors = ERRORS, __VA_ARGS__)
#define G "\"groupjid\":\"120363000000000001@g.us\""
#define K "\"community\":\"120363000000000009@g.us\""

static const struct gw_route groups_routes[] = {
	{HTTP_POST, "/group/create", GW_INSTANCE, GW_JSON | GW_KEYED_CALL, 0, group_create,
	 DOC("createGroup", "Create a group", create_rules, group_schema,
	     .example = "{\"name\":\"Team\",\"participants\":[\"5511900000002\"]}")},
	{HTTP_POST, "/group/info", GW_INSTANCE, GW_JSON, 0, group_info,
	 DOC("getGroup", "A group and its members", info_rules, group_schema,
	     .example = "{" G "}")},
	{HTTP_POST, "/group/inviteInfo", GW_INSTANCE, GW_JSON, 0, group_invite_info,
	 DOC("getGroupByInvite", "The group behind an invite", code_rules, group_schema,
	     .example = "{\"inviteCode\":\"AbCdEf\"}")},
	{HTTP_POST, "/group/join", GW_INSTANCE, GW_JSON, 0, group_join,
	 DOC("joinGroup", "Join a group by invite", code_rules, updated_schema,
	     .example = "{\"inviteCode\":\"AbCdEf\"}")},
	{HTTP_GET, "/group/invitelink/{jid}", GW_INSTANCE, 0, 0, group_link,
	 GW_DOC("getGroupInviteLink", "Groups", "The invite link of a group",
		.path = GW_FIELDS(GW_FIELD("jid", STRING)), .reply = &link_schema,
		.flags = GW_DOC_ROOT, .errors = ERRORS)},
	{HTTP_POST, "/group/updateDescription", GW_INSTANCE, GW_JSON, 0, group_update_topic,
	 DOC("updateGroupDescription", "Change a group's description", topic_rules, updated_schema,
	     .example = "{" G ",\"description\":\"Daily notes\"}")},
	{HTTP_POST, "/group/updateName", GW_INSTANCE, GW_JSON, 0, group_update_name,
	 DOC("updateGroupName", "Rename a group", name_rules, updated_schema,
	     .example = "{" G ",\"name\":\"Team\"}")},
	{HTTP_POST, "/group/updateImage", GW_INSTANCE, GW_JSON, IMAGE_BODY, group_update_image,
	 DOC("updateGroupImage", "Change or remove a group's picture", image_rules, updated_schema,
	     .example = "{" G ",\"image\":\"remove\"}")},
	{HTTP_POST, "/group/updateParticipants", GW_INSTANCE, GW_JSON, 0, group_update_members,
	 DOC("updateGroupMembers", "Add, remove, promote or demote members", members_rules,
	     members_schema,
	     .example = "{" G ",\"action\":\"add\",\"participants\":[\"5511900000002\"]}")},
	{HTTP_POST, "/group/leave", GW_INSTANCE, GW_JSON, 0, group_leave,
	 DOC("leaveGroup", "Leave a group", group_rules, updated_schema, .example = "{" G "}")},
	{HTTP_POST, "/community/create", GW_INSTANCE, GW_JSON | GW_KEYED_CALL, 0, community_create,
	 COMMUNITY("createCommunity", "Create a community", community_create_rules, group_schema,
		   .flags = GW_DOC_ROOT, .example = "{\"name\":\"All of us\"}")},
	{HTTP_POST, "/community/editgroups", GW_INSTANCE, GW_JSON, 0, community_edit_groups,
	 COMMUNITY("editCommunityGroups", "Link or unlink groups", community_groups_rules,
		   linked_schema,
		   .example = "{" K ",\"action\":\"add\",\"groupjids\":"
			      "[\"120363000000000001@g.us\"]}")},
	{HTTP_POST, "/community/info", GW_INSTANCE, GW_JSON, 0, community_info,
	 COMMUNITY("getCommunity", "One community", community_rules, community_schema,
		   .flags = GW_DOC_ROOT, .example = "{" K "}")},
	{HTTP_POST, "/community/updateDescription", GW_INSTANCE, GW_JSON, 0, community_update_topic,
	 COMMUNITY("updateCommunityDescription", "Change a community's description",
		   community_topic_rules, updated_schema, .flags = GW_DOC_ROOT,
		   .example = "{" K ",\"description\":\"d\"}")},
	{HTTP_POST, "/community/updateName", GW_INSTANCE, GW_JSON, 0, community_update_name,
	 COMMUNITY("updateCommunityName", "Rename a community", community_name_rules,
		   updated_schema, .flags = GW_DOC_ROOT,
		   .example = "{" K ",\"name\":\"All of us\"}")},
	{HTTP_POST, "/community/leave", GW_INSTANCE, GW_JSON, 0, community_leave,
	 COMMUNITY("leaveCommunity", "Leave a community", community_rules, updated_schema,
		   .flags = GW_DOC_ROOT, .example = "{" K "}")},
	{HTTP_GET, "/community/list", GW_INSTANCE, 0, 0, community_list,
	 GW_DOC("listCommunities", "Communities", "The instance's communities",
		.flags = GW_DOC_ARRAY, .reply = &group_schema, .errors = ERRORS)},
};

static const struct db_stmt_table *const groups_tables[] = {
	&instance_stmt_table,
	NULL,
};

const struct gw_module groups_module = {
	.routes = groups_routes,
	.route_count = GH_COUNT(groups_routes),
	.read_tables = groups_tables,
};
