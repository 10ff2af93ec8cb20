/* uazapi_action.h - what uazapi_action.c and uazapi_group.c share: one row per action. Private to
 * them. Contract: contracts/uazapi.md, whose sections the numbers in parentheses are.
 */
#ifndef GH_UAZAPI_ACTION_H
#define GH_UAZAPI_ACTION_H

#include "provider/translate_action.h"
#include "provider/uazapi.h"

/* Members of the open object. */
typedef void uazapi_body_fn(struct json_w *w, const struct provider_act *act, struct arena *a);
/* Of an answer of success; doc is NULL where its body is no JSON. */
typedef void uazapi_answer_fn(const struct json *doc, const struct provider_answer *answer,
			      struct arena *a, struct provider_result *out);

struct uazapi_action_row {
	const char *method, *path;
	uazapi_body_fn *body; /* NULL: none */
	uazapi_answer_fn *read;
	size_t answer_max; /* 0: the caller's */
};

/* uazapi_group.c: of groups and communities; method NULL: not one of its actions, or a gap. */
const struct uazapi_action_row *uazapi_group_row(enum provider_action action);

/* A list of a thousand, or of all there are. */
#define UAZAPI_LIST_MAX ((size_t)4 * 1024 * 1024)

/* (3) A canonical id as calls name it: people by their digits, all others by their id. */
struct slice uazapi_number_of(struct slice id, struct arena *a);
/* The people of the action, by these. */
void uazapi_numbers_write(struct json_w *w, const char *name, const struct provider_act *act,
			  struct arena *a);

/* The array that an answer is, or has as its member; NULL is an empty one. False: it is neither. */
bool uazapi_list(const struct json *doc, const char *member, const struct json **out) GH_MUST_USE;

/* Says only that it was done. */
uazapi_answer_fn uazapi_read_done;
/* The picture of a chat object. */
uazapi_answer_fn uazapi_read_picture;
/* Members of a body that names the chat of the action as "number". */
uazapi_body_fn uazapi_body_number;

#endif
