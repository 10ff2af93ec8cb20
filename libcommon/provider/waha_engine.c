/* waha_engine.c - what WAHA cannot do at all, and what only some of its engines can: the tables
 * that name the place of the contract (contracts/waha.md sections 5, 13, 18). Pure.
 */
#include "provider/waha.h"

#define ENGINE(e) (1u << (e))

static const char *const engine_names[] = {
	[WAHA_WEBJS] = "WEBJS",
	[WAHA_WPP] = "WPP",
	[WAHA_NOWEB] = "NOWEB",
	[WAHA_GOWS] = "GOWS",
};

enum waha_engine
waha_engine_of(struct slice name)
{
	for (size_t i = WAHA_WEBJS; i < GH_COUNT(engine_names); i++)
		if (slice_eq_nocase(name, slice_of(engine_names[i])))
			return (enum waha_engine)i;
	return WAHA_UNKNOWN;
}

bool
waha_engine_takes_id(enum waha_engine engine)
{
	return engine == WAHA_NOWEB || engine == WAHA_GOWS;
}

bool
waha_engine_has_lists(enum waha_engine engine)
{
	return engine == WAHA_NOWEB || engine == WAHA_GOWS;
}

/* ---- actions ---- */

#define ANY ~0u

/* engines: those that cannot. */
static const struct action_gap {
	enum provider_action action;
	unsigned engines;
	const char *where;
} action_gaps[] = {
	{ACTION_FORWARD, ENGINE(WAHA_GOWS), "section 5: WEBJS, WPP and NOWEB"},
	{ACTION_MESSAGE_MP3, ANY, "section 5: it converts to OGG and MP4"},
	{ACTION_CONTACT_ADD, ENGINE(WAHA_WPP), "section 18.1: WEBJS, NOWEB and GOWS"},
	{ACTION_CONTACT_REMOVE, ANY, "section 18.1"},
	{ACTION_CONTACT_BLOCK, ENGINE(WAHA_NOWEB) | ENGINE(WAHA_GOWS),
	 "section 18.1: WEBJS and WPP"},
	{ACTION_CONTACT_UNBLOCK, ENGINE(WAHA_NOWEB) | ENGINE(WAHA_GOWS),
	 "section 18.1: WEBJS and WPP"},
	{ACTION_CONTACT_ABOUT, ENGINE(WAHA_NOWEB) | ENGINE(WAHA_GOWS),
	 "section 18.1: WEBJS and WPP"},
	{ACTION_CONTACTS_ALL, ANY, "section 18.1: every engine has pages"},
	{ACTION_COMMUNITY_CREATE, ANY, "section 18.5"},
	{ACTION_COMMUNITY_GROUPS, ANY, "section 18.5"},
	{ACTION_COMMUNITY, ANY, "section 18.5"},
	{ACTION_COMMUNITY_LIST, ANY, "section 18.5"},
	{ACTION_COMMUNITY_LINKED, ANY, "section 18.5"},
	{ACTION_COMMUNITY_SUBJECT, ANY, "section 18.5"},
	{ACTION_COMMUNITY_TOPIC, ANY, "section 18.5"},
	{ACTION_COMMUNITY_LEAVE, ANY, "section 18.5"},
};

const char *
waha_action_gap(enum provider_action action, struct slice engine)
{
	for (size_t i = 0; i < GH_COUNT(action_gaps); i++)
		if (action_gaps[i].action == action &&
		    (action_gaps[i].engines & ENGINE(waha_engine_of(engine))) != 0)
			return action_gaps[i].where;
	return NULL;
}

/* ---- kinds of messages ---- */

static const struct send_gap {
	enum msg_kind kind;
	const char *where;
} send_gaps[] = {
	{MSG_STICKER, "section 5: it has no route for stickers"},
	{MSG_REACTION, "section 5: a reaction is a call of its own"},
	{MSG_UNSUPPORTED, "section 5"},
};

const char *
waha_send_gap(enum msg_kind kind)
{
	for (size_t i = 0; i < GH_COUNT(send_gaps); i++)
		if (send_gaps[i].kind == kind)
			return send_gaps[i].where;
	return NULL;
}
