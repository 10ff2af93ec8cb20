/* translate_group.c - groups and their members, in any spelling, as one; see translate_action.h. */
#include "provider/translate_action.h"

#include "base/arena.h"
#include "base/clock.h"
#include "http/json.h"

#define PATHS_MAX 6

/* The first place that has a value: UAZAPI and GOWS, NOWEB, WEBJS. */
static const struct json *
first_of(const struct json *v, const char *const paths[PATHS_MAX])
{
	for (size_t i = 0; i < PATHS_MAX && paths[i] != NULL; i++) {
		const struct json *found = json_path(v, paths[i]);

		if (!json_is_null(found) && json_type(found) != JSON_OBJECT)
			return found;
	}
	return NULL;
}

/* The same of an id; an empty one says nothing. */
static struct slice
first_id(const struct json *v, const char *const paths[PATHS_MAX], struct arena *a)
{
	for (size_t i = 0; i < PATHS_MAX && paths[i] != NULL; i++) {
		struct slice id = json_str(json_path(v, paths[i]));

		if (id.n > 0)
			return translate_chat_key(id, a);
	}
	return SLICE_NONE;
}

enum group_type { GROUP_ID, GROUP_TEXT, GROUP_BOOL };

static const struct {
	const char *name;
	enum group_type type;
	const char *paths[PATHS_MAX];
} group_fields[] = {
	{"JID", GROUP_ID, {"JID", "id", "id._serialized", "gid._serialized", "gid"}},
	{"Name", GROUP_TEXT, {"Name", "subject", "groupMetadata.subject", "name", "title"}},
	{"Topic", GROUP_TEXT, {"Topic", "desc", "groupMetadata.desc", "description"}},
	{"OwnerJID",
	 GROUP_ID,
	 {"OwnerPN", "OwnerJID", "owner", "groupMetadata.owner._serialized",
	  "groupMetadata.owner"}},
	{"IsAnnounce", GROUP_BOOL, {"IsAnnounce", "announce", "groupMetadata.announce"}},
	{"IsLocked", GROUP_BOOL, {"IsLocked", "restrict", "groupMetadata.restrict"}},
	{"IsParent", GROUP_BOOL, {"IsParent", "isCommunity"}},
	{"LinkedParentJID", GROUP_ID, {"LinkedParentJID", "linkedParent"}},
};

/* Text on UAZAPI and GOWS, where year 1 is none; seconds elsewhere. */
static void
created_write(const struct json *group, struct json_w *w)
{
	static const char *const paths[PATHS_MAX] = {"GroupCreated", "creation",
						     "groupMetadata.creation"};
	const struct json *v = first_of(group, paths);

	if (json_type(v) == JSON_STRING)
		json_w_str(w, "GroupCreated",
			   slice_starts(json_str(v), S("0001-")) ? SLICE_NONE : json_str(v));
	else
		json_w_time(w, "GroupCreated", json_i64(v, 0) * CLOCK_SEC);
}

static bool
member_is(const struct json *m, const char *name, struct slice role)
{
	static const char *const words[PATHS_MAX] = {"admin", "role"};

	return json_bool(json_get(m, name), false) || slice_eq(json_str(first_of(m, words)), role);
}

/* 0: fine. Codes are numbers on UAZAPI, GOWS and WEBJS, text on NOWEB; 200 is their success. */
static int64_t
member_error(const struct json *m)
{
	static const char *const paths[PATHS_MAX] = {"Error", "status", "statusCode", "code"};
	const struct json *v = first_of(m, paths);
	int64_t code = json_i64(v, 0);

	if (json_type(v) == JSON_STRING && parse_i64(json_str(v), 0, 999, &code) != GH_OK)
		code = 0;
	return code == 200 ? 0 : code;
}

static void
member_write(const struct json *m, struct slice name, struct json_w *w, struct arena *a)
{
	static const char *const ids[PATHS_MAX] = {"JID", "jid",        "id", "id._serialized",
						   "LID", "PhoneNumber"};
	static const char *const phones[PATHS_MAX] = {"PhoneNumber", "pn", "phoneNumber"};
	bool is_super = member_is(m, "IsSuperAdmin", S("superadmin")) ||
			json_bool(json_get(m, "isSuperAdmin"), false);

	json_w_open(w, NULL, '{');
	json_w_str(w, "JID", name.p != NULL ? translate_chat_key(name, a) : first_id(m, ids, a));
	json_w_str(w, "PhoneNumber", first_id(m, phones, a));
	json_w_bool(w, "IsAdmin",
		    is_super || member_is(m, "IsAdmin", S("admin")) ||
			    json_bool(json_get(m, "isAdmin"), false));
	json_w_bool(w, "IsSuperAdmin", is_super);
	json_w_i64(w, "Error", member_error(m));
	json_w_close(w, '}');
}

static void
members_named_write(const char *name, const struct json *members, struct json_w *w, struct arena *a)
{
	bool is_keyed = json_type(members) == JSON_OBJECT;

	json_w_open(w, name, '[');
	for (const struct json *m =
		     is_keyed || json_type(members) == JSON_ARRAY ? json_first(members) : NULL;
	     m != NULL; m = json_next(m))
		if (json_type(m) == JSON_OBJECT)
			member_write(m, is_keyed ? json_name(m) : SLICE_NONE, w, a);
	json_w_close(w, ']');
}

void
translate_members_write(const struct json *members, struct json_w *w, struct arena *a)
{
	members_named_write(NULL, members, w, a);
}

void
translate_group_write(const struct json *group, struct json_w *w, struct arena *a)
{
	static const char *const places[] = {"Participants", "participants",
					     "groupMetadata.participants"};
	const struct json *members = NULL;

	json_w_open(w, NULL, '{');
	for (size_t i = 0; i < GH_COUNT(group_fields); i++) {
		const struct json *v = first_of(group, group_fields[i].paths);
		const char *name = group_fields[i].name;

		if (group_fields[i].type == GROUP_BOOL)
			json_w_bool(w, name, json_bool(v, false));
		else if (group_fields[i].type == GROUP_ID)
			json_w_str(w, name, first_id(group, group_fields[i].paths, a));
		else
			json_w_str(w, name, json_str(v));
	}
	created_write(group, w);
	for (size_t i = 0; i < GH_COUNT(places) && members == NULL; i++)
		members = json_path(group, places[i]);
	members_named_write("Participants", members, w, a);
	json_w_close(w, '}');
}
