/* action.h - what a session is asked to do at once: act on a message, look at people, manage
 * groups. Part of provider.h's vocabulary: PROVIDER_OP_ACTION with one struct provider_act.
 *
 * What comes back is provider_result.data: JSON text of one shape for all providers, named
 * after the fields that clients of UAZAPI know (contracts/uazapi.md section 16), ids in
 * canonical form. The comment of each action says which of the arguments it reads and what
 * data is.
 */
#ifndef GH_PROVIDER_ACTION_H
#define GH_PROVIDER_ACTION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum provider_action {
	/* chat, message[0], text (emoji; empty: take it back). */
	ACTION_REACT,
	/* chat, message[], of one chat and one author. data, where the provider tells of each:
	 * array of {"message_id","is_done","error"}. */
	ACTION_MARK_READ,
	/* chat, text: "composing", "recording", "paused". */
	ACTION_CHAT_PRESENCE,
	/* chat, message[0]. external_id: of the copy. */
	ACTION_FORWARD,
	/* message[0]: for everyone. */
	ACTION_DELETE,
	/* message[0], text. external_id: of the edit, when told. */
	ACTION_EDIT,
	/* message[0]. data: {"url","mimetype","filename"}; the provider loads the file first. */
	ACTION_MESSAGE_FILE,
	/* The same, of a sound as MP3. */
	ACTION_MESSAGE_MP3,
	/* text: the url of MESSAGE_FILE. data: its bytes, no JSON. */
	ACTION_FILE,

	/* limit, offset. data: array of contact objects. */
	ACTION_CONTACTS,
	/* The same of all there are, where a build of the provider lacks pages. */
	ACTION_CONTACTS_ALL,
	/* chat. data: {"jid","phone","name","wa_name","contactName","contact_FirstName",
	 * "isBlocked","isBusiness"}, null where not told. */
	ACTION_CONTACT,
	/* chat, name. */
	ACTION_CONTACT_ADD,
	ACTION_CONTACT_REMOVE, /* chat */
	ACTION_CONTACT_BLOCK,
	ACTION_CONTACT_UNBLOCK,
	ACTION_CONTACT_ABOUT,   /* chat. data: string or null */
	ACTION_CONTACT_PICTURE, /* chat. data: URL string or null */
	/* text: digits. is_found; chat: the form that exists; data: a business' verified name, or
	 * none. */
	ACTION_NUMBER_CHECK,

	/* name, people. data: group object {"JID","Name","Topic","OwnerJID","GroupCreated",
	 * "IsAnnounce","IsLocked","IsParent","LinkedParentJID","Participants":[members]}. */
	ACTION_GROUP_CREATE,
	ACTION_GROUP, /* chat. data: group object */
	/* chat. data: members, array of {"JID","PhoneNumber","IsAdmin","IsSuperAdmin","Error"}. */
	ACTION_GROUP_MEMBERS,
	ACTION_GROUP_INVITE,  /* text: code or link. data: group object */
	ACTION_GROUP_JOIN,    /* text: code or link. chat: the group; absent while approval waits */
	ACTION_GROUP_SUBJECT, /* chat, name */
	ACTION_GROUP_TOPIC,   /* chat, text */
	ACTION_GROUP_PICTURE, /* chat, file_* */
	ACTION_GROUP_PICTURE_REMOVE, /* chat */
	ACTION_GROUP_PICTURE_GET,    /* chat. data: URL string or null */
	ACTION_GROUP_ADD,            /* chat, people. data: members; Error 0 is success */
	ACTION_GROUP_REMOVE,
	ACTION_GROUP_PROMOTE,
	ACTION_GROUP_DEMOTE,
	ACTION_GROUP_LEAVE, /* chat */
	ACTION_GROUP_LINK,  /* chat. data: the whole link, a string */

	ACTION_COMMUNITY_CREATE, /* name. data: group object */
	/* chat, text ("add", "remove"), people: groups. data: {"success":[ids],"failed":[ids]} */
	ACTION_COMMUNITY_GROUPS,
	ACTION_COMMUNITY,         /* chat. data: group object */
	ACTION_COMMUNITY_LIST,    /* data: array of group objects, their members left out */
	ACTION_COMMUNITY_LINKED,  /* the same of the groups that are linked to any */
	ACTION_COMMUNITY_SUBJECT, /* chat, name */
	ACTION_COMMUNITY_TOPIC,   /* chat, text */
	ACTION_COMMUNITY_LEAVE    /* chat */
};
#define PROVIDER_ACTION_COUNT (ACTION_COMMUNITY_LEAVE + 1)

/* A message as it is known here. Either full, or bare and chat. */
struct provider_message_ref {
	struct slice full;        /* as the provider writes it */
	struct slice bare;        /* what the provider's events are matched on */
	struct slice chat;        /* canonical */
	struct slice participant; /* its author in a group; canonical */
	bool is_from_me;
};

/* Only what the action names is read. */
struct provider_act {
	enum provider_action action;
	struct slice chat; /* canonical */
	struct slice text, name;
	const struct provider_message_ref *message;
	unsigned message_count;
	const struct slice *people; /* canonical */
	unsigned people_count;
	struct slice file_type;           /* MIME */
	struct slice file_url, file_data; /* one of the two; data in base64 */
	unsigned limit, offset;
};

#endif
