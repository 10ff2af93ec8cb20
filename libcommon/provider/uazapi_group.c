/* uazapi_group.c - groups and communities on UAZAPI (contracts/uazapi.md sections 16.3 and 16.4;
 * numbers in parentheses are those). Names are not those of one hand: "groupjid", "invitecode",
 * "InviteLink" and "invite_link".
 */
#include "provider/uazapi_action.h"

#include "base/buf.h"
#include "http/json.h"

/* ---- bodies ---- */

static void
body_create(struct json_w *w, const struct provider_act *act, struct arena *a)
{
	json_w_str(w, "name", act->name);
	uazapi_numbers_write(w, "participants", act, a);
}

static void
body_group(struct json_w *w, const struct provider_act *act, struct arena *a GH_UNUSED)
{
	json_w_str(w, "groupjid", act->chat);
}

static void
body_link(struct json_w *w, const struct provider_act *act, struct arena *a)
{
	body_group(w, act, a);
	json_w_bool(w, "getInviteLink", true);
	/* What is kept may be a link that was revoked. */
	json_w_bool(w, "force", true);
}

/* (16.3) One build reads the one name, another the other. */
static void
body_code(struct json_w *w, const struct provider_act *act, struct arena *a GH_UNUSED)
{
	json_w_str(w, "invitecode", act->text);
	json_w_str(w, "inviteCode", act->text);
}

static void
body_subject(struct json_w *w, const struct provider_act *act, struct arena *a)
{
	body_group(w, act, a);
	json_w_str(w, "name", act->name);
}

static void
body_topic(struct json_w *w, const struct provider_act *act, struct arena *a)
{
	body_group(w, act, a);
	json_w_str(w, "description", act->text);
}

static void
body_picture(struct json_w *w, const struct provider_act *act, struct arena *a)
{
	body_group(w, act, a);
	if (act->action == ACTION_GROUP_PICTURE_REMOVE)
		json_w_str(w, "image", S("remove"));
	else
		json_w_str(w, "image", act->file_url.n > 0 ? act->file_url : act->file_data);
}

static void
body_members(struct json_w *w, const struct provider_act *act, struct arena *a)
{
	static const char *const words[PROVIDER_ACTION_COUNT] = {
		[ACTION_GROUP_ADD] = "add",
		[ACTION_GROUP_REMOVE] = "remove",
		[ACTION_GROUP_PROMOTE] = "promote",
		[ACTION_GROUP_DEMOTE] = "demote",
	};

	body_group(w, act, a);
	json_w_str(w, "action", slice_of(words[act->action]));
	uazapi_numbers_write(w, "participants", act, a);
}

static void
body_name(struct json_w *w, const struct provider_act *act, struct arena *a GH_UNUSED)
{
	json_w_str(w, "name", act->name);
}

static void
body_groups(struct json_w *w, const struct provider_act *act, struct arena *a)
{
	json_w_str(w, "community", act->chat);
	json_w_str(w, "action", act->text);
	uazapi_numbers_write(w, "groupjids", act, a);
}

/* ---- answers ---- */

/* The object itself, or wrapped: which of the calls wraps it is no rule. NULL: none. */
static const struct json *
group_of(const struct json *doc)
{
	const struct json *group = json_get(doc, "group");

	if (json_type(group) != JSON_OBJECT)
		group = doc;
	return json_str(json_get(group, "JID")).n > 0 ? group : NULL;
}

static void
read_group(const struct json *doc, const struct provider_answer *answer, struct arena *a,
	   struct provider_result *out)
{
	const struct json *group = group_of(doc);

	uazapi_read_done(doc, answer, a, out);
	if (out->outcome != PROVIDER_OK)
		return;
	if (group == NULL)
		translate_unreadable(out);
	else
		translate_data_row(group, translate_group_write, a, out);
}

/* (16.4) */
static bool
is_community(const struct json *group)
{
	return json_bool(json_get(group, "IsParent"), false);
}

/* (16.4) It is what says of itself that it is one: any group's id would be answered. */
static void
read_community(const struct json *doc, const struct provider_answer *answer, struct arena *a,
	       struct provider_result *out)
{
	read_group(doc, answer, a, out);
	if (out->outcome != PROVIDER_OK || is_community(group_of(doc)))
		return;
	out->data = SLICE_NONE;
	translate_refuse(out, PROVIDER_REJECTED, "not_found", S("the group is no community"));
}

static void
community_write(const struct json *group, struct json_w *w, struct arena *a)
{
	if (is_community(group))
		translate_group_write(group, w, a);
}

static void
linked_group_write(const struct json *group, struct json_w *w, struct arena *a)
{
	if (json_str(json_get(group, "LinkedParentJID")).n > 0)
		translate_group_write(group, w, a);
}

static void
list_data(const struct json *doc, translate_row_fn *write, struct arena *a,
	  struct provider_result *out)
{
	const struct json *list;

	if (uazapi_list(doc, "groups", &list))
		translate_data_rows(list, write, a, out);
	else
		translate_unreadable(out);
}

static void
read_communities(const struct json *doc, const struct provider_answer *answer GH_UNUSED,
		 struct arena *a, struct provider_result *out)
{
	list_data(doc, community_write, a, out);
}

static void
read_linked_groups(const struct json *doc, const struct provider_answer *answer GH_UNUSED,
		   struct arena *a, struct provider_result *out)
{
	list_data(doc, linked_group_write, a, out);
}

static void
read_join(const struct json *doc, const struct provider_answer *answer, struct arena *a,
	  struct provider_result *out)
{
	uazapi_read_done(doc, answer, a, out);
	if (out->outcome == PROVIDER_OK)
		out->chat = translate_chat_key(json_str(json_get(group_of(doc), "JID")), a);
}

/* Told to administrators only. */
static void
read_link(const struct json *doc, const struct provider_answer *answer GH_UNUSED, struct arena *a,
	  struct provider_result *out)
{
	static const char *const names[] = {"invite_link", "InviteLink", "inviteLink"};
	struct slice link = translate_first_str(doc, names, GH_COUNT(names));

	if (link.n == 0)
		link = translate_first_str(group_of(doc), names, GH_COUNT(names));
	if (link.n > 0)
		translate_data_link(link, a, out);
	else
		translate_refuse(out, PROVIDER_REJECTED, "not_allowed",
				 S("the link is told to administrators of the group"));
}

/* (16.3) 200 does not mean done: Error of each does. */
static void
read_members(const struct json *doc, const struct provider_answer *answer, struct arena *a,
	     struct provider_result *out)
{
	uazapi_read_done(doc, answer, a, out);
	if (out->outcome == PROVIDER_OK)
		translate_data_row(json_get(doc, "groupUpdated"), translate_members_write, a, out);
}

static void
ids_write(struct json_w *w, const char *name, const struct json *list, struct arena *a)
{
	static const char *const names[] = {"groupjid", "JID", "jid", "id"};

	json_w_open(w, name, '[');
	for (const struct json *v = json_type(list) == JSON_ARRAY ? json_first(list) : NULL;
	     v != NULL; v = json_next(v)) {
		struct slice id = json_type(v) == JSON_STRING
					  ? json_str(v)
					  : translate_first_str(v, names, GH_COUNT(names));

		if (id.n > 0)
			json_w_str(w, NULL, translate_chat_key(id, a));
	}
	json_w_close(w, ']');
}

/* (16.4) Which were linked and which were not. */
static void
linked_write(const struct json *doc, struct json_w *w, struct arena *a)
{
	json_w_open(w, NULL, '{');
	ids_write(w, "success", json_get(doc, "success"), a);
	ids_write(w, "failed", json_get(doc, "failed"), a);
	json_w_close(w, '}');
}

static void
read_linked(const struct json *doc, const struct provider_answer *answer, struct arena *a,
	    struct provider_result *out)
{
	uazapi_read_done(doc, answer, a, out);
	if (out->outcome == PROVIDER_OK)
		translate_data_row(doc, linked_write, a, out);
}

/* ---- the table ---- */

#define LIST_PATH "/group/list?noparticipants=true"

static const struct uazapi_action_row rows[PROVIDER_ACTION_COUNT] = {
	[ACTION_GROUP_CREATE] = {"POST", "/group/create", body_create, read_group},
	[ACTION_GROUP] = {"POST", "/group/info", body_group, read_group},
	[ACTION_GROUP_INVITE] = {"POST", "/group/inviteInfo", body_code, read_group},
	[ACTION_GROUP_JOIN] = {"POST", "/group/join", body_code, read_join},
	[ACTION_GROUP_SUBJECT] = {"POST", "/group/updateName", body_subject, uazapi_read_done},
	[ACTION_GROUP_TOPIC] = {"POST", "/group/updateDescription", body_topic, uazapi_read_done},
	[ACTION_GROUP_PICTURE] = {"POST", "/group/updateImage", body_picture, uazapi_read_done},
	[ACTION_GROUP_PICTURE_REMOVE] = {"POST", "/group/updateImage", body_picture,
					 uazapi_read_done},
	[ACTION_GROUP_PICTURE_GET] = {"POST", "/chat/details", uazapi_body_number,
				      uazapi_read_picture},
	[ACTION_GROUP_ADD] = {"POST", "/group/updateParticipants", body_members, read_members},
	[ACTION_GROUP_REMOVE] = {"POST", "/group/updateParticipants", body_members, read_members},
	[ACTION_GROUP_PROMOTE] = {"POST", "/group/updateParticipants", body_members, read_members},
	[ACTION_GROUP_DEMOTE] = {"POST", "/group/updateParticipants", body_members, read_members},
	[ACTION_GROUP_LEAVE] = {"POST", "/group/leave", body_group, uazapi_read_done},
	[ACTION_GROUP_LINK] = {"POST", "/group/info", body_link, read_link},
	[ACTION_COMMUNITY_CREATE] = {"POST", "/community/create", body_name, read_group},
	[ACTION_COMMUNITY_GROUPS] = {"POST", "/community/editgroups", body_groups, read_linked},
	/* (16.4) A community is a group to the calls that it has none of its own for. */
	[ACTION_COMMUNITY] = {"POST", "/group/info", body_group, read_community},
	[ACTION_COMMUNITY_LIST] = {"GET", LIST_PATH, NULL, read_communities, UAZAPI_LIST_MAX},
	[ACTION_COMMUNITY_LINKED] = {"GET", LIST_PATH, NULL, read_linked_groups, UAZAPI_LIST_MAX},
	[ACTION_COMMUNITY_SUBJECT] = {"POST", "/group/updateName", body_subject, uazapi_read_done},
	[ACTION_COMMUNITY_TOPIC] = {"POST", "/group/updateDescription", body_topic,
				    uazapi_read_done},
};

const struct uazapi_action_row *
uazapi_group_row(enum provider_action action)
{
	return &rows[action];
}
